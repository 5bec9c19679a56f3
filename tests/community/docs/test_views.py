import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from community.docs.models import Page, Vote
from community.docs.services import import_version
from tests.community.docs.conftest import Folder

pytestmark = pytest.mark.django_db

NEW = {
    "en/index.md": "Hello.",
    "en/api/index.md": "Call it.\n\n## Limits\n\nSixty.\n\n### Tokens\n\nMany.",
    "en/api/errors.md": "A zebra.",
    "zh-hans/index.md": "您好。",
    "zh-hans/api/index.md": "---\ntitle: 接口\norder: 1\n---\n调用。\n",
}
OLD = {"en/index.md": "Old hello.", "en/legacy.md": "Only here."}
CHINESE = {"accept-language": "zh-CN"}


@pytest.fixture
def site(folder: Folder) -> None:
    """Two versions, the newer one partly in Chinese."""
    import_version(folder(OLD, "old"), version="0.9")
    import_version(folder(NEW, "new"), version="1.0", is_default=True)


def body(client: Client, url: str, status: int = 200, headers: Any = None) -> str:
    answer = client.get(url, headers=headers)
    assert answer.status_code == status
    return answer.content.decode()


def test_without_documentation_the_page_says_so(client: Client) -> None:
    assert "No documentation has been imported yet" in body(client, "/docs/")


def test_the_home_lists_every_page_of_the_current_version(
    client: Client, site: None
) -> None:
    html = body(client, "/docs/")

    assert set(re.findall(r'href="(/docs/1\.0/[^"]+)"', html)) >= {
        "/docs/1.0/index/",
        "/docs/1.0/api/",
        "/docs/1.0/api/errors/",
    }
    assert "/docs/0.9/legacy/" not in html


def test_a_bare_version_leads_to_its_first_page(client: Client, site: None) -> None:
    answer = client.get("/docs/1.0/")

    assert (answer.status_code, answer["location"]) == (302, "/docs/1.0/index/")


def test_a_page_has_its_tree_outline_and_neighbours(client: Client, site: None) -> None:
    html = body(client, "/docs/1.0/api/")

    assert re.search(r'href="/docs/1.0/api/"\s+aria-current="page"', html)
    assert '<a href="#limits">Limits</a>' in html
    assert '<a href="#tokens">Tokens</a>' in html
    assert re.search(r'rel="prev"\s+href="/docs/1.0/index/"', html)
    assert re.search(r'rel="next"\s+href="/docs/1.0/api/errors/"', html)
    assert "data-relative" in html


def test_a_page_is_shown_in_the_readers_language(client: Client, site: None) -> None:
    html = body(client, "/docs/1.0/api/", headers=CHINESE)

    assert "<h1>接口</h1>" in html
    assert 'lang="zh-Hans"' in html


def test_a_page_that_is_not_translated_is_shown_in_english_with_a_notice(
    client: Client, site: None
) -> None:
    html = body(client, "/docs/1.0/api/errors/", headers=CHINESE)

    assert "A zebra." in html
    assert "本页尚未翻译，以英文显示。" in html
    assert '<article class="docs-page" lang="en">' in html
    assert "/docs/1.0/api/errors/" in body(client, "/docs/", headers=CHINESE)


def test_an_address_may_name_its_language(client: Client, site: None) -> None:
    assert "<h1>接口</h1>" in body(client, "/docs/1.0/api/?lang=zh-hans")
    assert "Call it." in body(client, "/docs/1.0/api/?lang=en", headers=CHINESE)
    assert "Call it." in body(client, "/docs/1.0/api/?lang=xx")


def test_search_engines_are_told_of_languages_and_the_current_version(
    client: Client, site: None, settings: Any
) -> None:
    html = body(client, "/docs/0.9/index/")

    base = f"{settings.SITE_URL}/docs/1.0/index/"
    assert f'<link rel="canonical" href="{base}">' in html
    assert f'hreflang="en" href="{base}?lang=en"' in html
    assert f'hreflang="zh-Hans" href="{base}?lang=zh-hans"' in html
    assert f'hreflang="x-default" href="{base}"' in html


def test_a_page_only_an_old_version_has_is_its_own_original(
    client: Client, site: None, settings: Any
) -> None:
    html = body(client, "/docs/0.9/legacy/")

    address = f"{settings.SITE_URL}/docs/0.9/legacy/"
    assert f'<link rel="canonical" href="{address}">' in html
    assert 'hreflang="zh-Hans"' not in html


def test_an_old_version_points_to_the_current_page(client: Client, site: None) -> None:
    assert "which is not the current one" in body(client, "/docs/0.9/index/")
    assert 'href="/docs/1.0/index/">Read the current page' in body(
        client, "/docs/0.9/index/"
    )
    assert "Go to the current documentation" in body(client, "/docs/0.9/legacy/")
    assert "which is not the current one" not in body(client, "/docs/1.0/index/")


def test_the_version_switch_stays_on_the_page_where_it_can(
    client: Client, site: None
) -> None:
    html = body(client, "/docs/1.0/api/errors/")
    assert re.search(r'href="/docs/0.9/"', html)

    html = body(client, "/docs/1.0/index/")
    assert re.search(r'href="/docs/0.9/index/"', html)


@pytest.mark.parametrize("path", ["/docs/1.0/api/error/", "/docs/1.0/zebra/"])
def test_an_unknown_page_is_404_with_what_may_have_been_meant(
    client: Client, site: None, path: str
) -> None:
    html = body(client, path, 404)

    assert "Did you mean one of these?" in html
    assert re.search(r'href="/docs/1.0/api/', html)


def test_a_page_another_version_has_is_named(client: Client, site: None) -> None:
    html = body(client, "/docs/1.0/legacy/", 404)

    assert 'href="/docs/0.9/legacy/"' in html


@pytest.mark.parametrize(
    "path", ["/docs/7.0/", "/docs/7.0/nothing/", "/docs/1.0/nothing.md"]
)
def test_what_is_nowhere_is_404(client: Client, site: None, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_page_that_was_removed_is_404(
    client: Client, site: None, folder: Folder
) -> None:
    less = folder({"en/index.md": "Hello."}, "new")
    import_version(less, version="1.0", may_remove=True)

    assert client.get("/docs/1.0/api/errors/").status_code == 404
    assert client.get("/docs/1.0/api/errors.md").status_code == 404


def test_the_source_is_markdown_in_the_language_asked_for(
    client: Client, site: None
) -> None:
    answer = client.get("/docs/1.0/api.md")

    assert answer["content-type"] == "text/markdown; charset=utf-8"
    assert answer["content-language"] == "en"
    assert answer.content.decode().startswith("# Index\n\nCall it.\n\n## Limits\n")
    assert client.get("/docs/1.0/api.md?lang=zh-hans").content.decode() == (
        "# 接口\n\n调用。\n"
    )


def test_llms_txt_lists_the_current_version_in_both_languages(
    client: Client, site: None, settings: Any
) -> None:
    answer = client.get("/llms.txt")

    assert answer["content-type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    base = f"{settings.SITE_URL}/docs/1.0"
    assert text.startswith("# Doorstone\n\n## Documentation\n\n")
    assert f"- [Errors]({base}/api/errors.md?lang=en): About Errors.\n" in text
    assert f"[接口]({base}/api.md?lang=zh-hans)" in text
    assert "0.9" not in text


def test_every_address_in_llms_txt_works(
    client: Client, site: None, settings: Any
) -> None:
    text = client.get("/llms.txt").content.decode()

    addresses = re.findall(rf"\({settings.SITE_URL}(/docs/[^)]+)\)", text)

    assert len(addresses) == 5
    assert {client.get(address).status_code for address in addresses} == {200}


def test_a_vote_is_kept_and_shown(client: Client, site: None) -> None:
    page = Page.objects.get(path="api/errors")
    client.get("/docs/1.0/api/errors/")

    for _ in range(2):
        answer = client.post(f"/docs/_vote/{page.pk}/", {"helpful": "yes"})

    assert (answer.status_code, answer["location"]) == (302, "/docs/1.0/api/errors/")
    page.refresh_from_db()
    assert (page.helpful_yes, Vote.objects.count()) == (1, 1)
    html = body(client, "/docs/1.0/api/errors/")
    assert re.search(r'value="yes"[^>]*aria-pressed="true"', html)


def test_a_browser_that_makes_up_visitors_votes_thirty_times_at_most(
    site: None,
) -> None:
    page = Page.objects.get(path="api/errors")
    url = f"/docs/_vote/{page.pk}/"

    answers = [
        Client(headers={"Cookie": f"ds_visitor=v_{number:032x}"}).post(
            url, {"helpful": "no"}
        )
        for number in range(33)
    ]

    assert [answer.status_code for answer in answers[:30]] == [302] * 30
    assert answers[-1].status_code == 429
    page.refresh_from_db()
    # A slow machine lets one more through in two minutes.
    assert 30 <= page.helpful_no == Vote.objects.count() <= 32


def test_a_vote_that_says_neither_is_refused(client: Client, site: None) -> None:
    page = Page.objects.get(path="api/errors")

    answer = client.post(f"/docs/_vote/{page.pk}/", {"helpful": "maybe"})

    assert answer.status_code == 400
    assert not Vote.objects.exists()


def test_search_leads_to_the_section(client: Client, site: None) -> None:
    html = body(client, "/search/?q=sixty&kind=doc")

    assert 'href="/docs/1.0/api/#limits"' in html


@pytest.mark.parametrize("path", ["/docs/", "/docs/1.0/index/", "/docs/1.0/none/"])
def test_a_page_costs_the_same_among_few_and_many(
    client: Client, site: None, folder: Folder, path: str, person: Callable[..., Any]
) -> None:
    client.force_login(person("ada"))

    def cost() -> int:
        # What a commit would have emptied; the session stays warm.
        cache.clear()
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        return len(captured)

    few = cost()
    many = {f"en/page-{number}.md": f"Page {number}." for number in range(30)}
    import_version(folder({**NEW, **many}, "new"), version="1.0")

    assert cost() == few
    assert few <= 12


@pytest.mark.parametrize("alias", ["latest", "stable", "current"])
def test_what_people_type_from_habit_leads_to_the_current_version(
    client: Client, site: None, alias: str
) -> None:
    page = client.get(f"/docs/{alias}/api/?lang=zh-hans")
    assert (page.status_code, page["Location"]) == (302, "/docs/1.0/api/?lang=zh-hans")
    assert client.get(f"/docs/{alias}/", follow=True).redirect_chain[-1] == (
        "/docs/1.0/index/",
        302,
    )
    source = client.get(f"/docs/{alias}/api.md")
    assert source["Location"] == "/docs/1.0/api.md"
    assert client.get("/docs/newest/api/").status_code == 404


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("/docs/api/errors/", "/docs/1.0/api/errors/"),
        ("/docs/api/", "/docs/1.0/api/"),
        ("/docs/1.0/api/errors.html/", "/docs/1.0/api/errors/"),
        ("/docs/1.0/api/index.html/", "/docs/1.0/api/"),
        ("/docs/1.0/api/README/", "/docs/1.0/api/"),
        ("/docs/1.0/en/api/errors/", "/docs/1.0/api/errors/"),
        ("/docs/zh-CN/api/errors.html/", "/docs/1.0/api/errors/"),
        ("/docs/zh/", "/docs/1.0/index/"),
        ("/docs/0.9/en/legacy/?lang=en", "/docs/0.9/legacy/?lang=en"),
    ],
)
def test_an_address_as_other_sites_write_it_leads_to_the_page(
    client: Client, site: None, typed: str, page: str
) -> None:
    answer = client.get(typed)

    assert (answer.status_code, answer["Location"]) == (302, page)


@pytest.mark.parametrize(
    "typed", ["/docs/legacy/", "/docs/0.9/api/", "/docs/1.0/legacy.html/", "/docs/x/"]
)
def test_what_the_version_does_not_have_is_not_found_in_another(
    client: Client, site: None, typed: str
) -> None:
    assert client.get(typed).status_code == 404


def test_a_page_that_moved_is_found_at_its_former_addresses(
    client: Client, folder: Folder
) -> None:
    front = "---\ntitle: Errors\nredirect_from:\n  - /docs/1.0/faults/\n  - old/it.md\n---\n"
    moved = NEW | {"en/api/errors.md": front + "A zebra."}
    import_version(folder(moved), version="1.0", is_default=True)
    here = "/docs/1.0/api/errors/"

    for address in ("/docs/1.0/faults/", "/docs/1.0/old/it/"):
        answer = client.get(f"{address}?lang=zh-hans")
        assert (answer.status_code, answer["Location"]) == (302, f"{here}?lang=zh-hans")
    source = client.get("/docs/1.0/old/it.md")
    assert source["Location"] == "/docs/1.0/api/errors.md"
    assert client.get("/docs/latest/faults/", follow=True).redirect_chain[-1][0] == here
    # Taken out of the file again, it is an address no more.
    import_version(folder(NEW), version="1.0", is_default=True)
    assert client.get("/docs/1.0/faults/").status_code == 404


def test_a_version_that_is_called_so_is_itself(
    client: Client, site: None, folder: Folder
) -> None:
    import_version(folder(OLD, "odd"), version="latest")

    assert client.get("/docs/latest/legacy/").status_code == 200
    # A page it does not have is looked for in no other version.
    assert client.get("/docs/latest/api/").status_code == 404


def test_what_is_found_in_another_language_opens_in_that_language(
    client: Client, site: None
) -> None:
    page = body(client, "/search/?q=调用", headers={"accept-language": "en"})
    (url,) = set(re.findall(r'href="(/docs/1.0/api/[^"]*)"', page))

    assert url == "/docs/1.0/api/?lang=zh-hans"
    assert "调用" in body(client, url, headers={"accept-language": "en"})
    found = client.get("/api/v1/search/?q=调用").json()["results"]
    assert [hit["url"] for hit in found] == [url]
