from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from community.docs.defaults import ensure_docs
from community.docs.exceptions import (
    BadVersionName,
    BrokenLinks,
    PagesWouldVanish,
    VersionIsDefault,
)
from community.docs.models import Page, Version, Vote
from community.docs.services import import_version, remove_version, vote_helpful
from outbox.models import Event
from search.finding import search
from search.models import IndexEntry
from tests.community.docs.conftest import Folder

pytestmark = pytest.mark.django_db

TWO = {"en/index.md": "Hello.", "en/api.md": "Call it.\n\n## Limits\n\nSixty zebras."}


def test_a_folder_becomes_a_version(folder: Folder) -> None:
    root = folder({**TWO, "zh-hans/index.md": "你好。"})

    changed = import_version(root, version="1.0", is_default=True)

    assert changed == {"en": 2, "zh-hans": 1}
    version = Version.objects.get()
    assert (version.slug, version.status, version.is_default) == ("1.0", "stable", True)
    api = Page.objects.get(path="api")
    assert (api.title, api.description) == ("Api", "About Api.")
    assert api.outline == [[2, "limits", "Limits"]]
    assert '<h2 id="limits">' in api.html


def test_an_import_runs_again_without_touching_anything(folder: Folder) -> None:
    root = folder(TWO)
    import_version(root, version="1.0", is_default=True)
    before = list(Page.objects.order_by("pk").values())
    entries = list(IndexEntry.objects.order_by("pk").values())
    events = Event.objects.count()

    changed = import_version(root, version="1.0", is_default=True)

    assert changed == {"en": 0}
    assert list(Page.objects.order_by("pk").values()) == before
    assert list(IndexEntry.objects.order_by("pk").values()) == entries
    assert Event.objects.count() == events


def test_only_the_page_that_changed_is_edited(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0")
    Page.objects.update(updated_at=timezone.now() - timedelta(days=9))

    changed = import_version(folder({**TWO, "en/index.md": "Hi."}), version="1.0")

    assert changed == {"en": 1}
    fresh = Page.objects.filter(updated_at__gt=timezone.now() - timedelta(hours=1))
    assert [page.path for page in fresh] == ["index"]


def test_a_page_that_vanished_is_shown_and_found_no_more(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0", is_default=True)
    assert search(AnonymousUser(), "zebras")

    less = folder({"en/index.md": "Hello."})
    with pytest.raises(PagesWouldVanish) as refused:
        import_version(less, version="1.0")
    assert refused.value.details["pages"] == ["en/api"]
    assert Page.objects.published().count() == 2
    changed = import_version(less, version="1.0", may_remove=True)

    assert changed == {"en": 1}
    assert [page.path for page in Page.objects.published()] == ["index"]
    assert search(AnonymousUser(), "zebras") == []


def test_a_page_that_came_back_is_shown_again(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0")
    less = folder({"en/index.md": "Hello."})
    import_version(less, version="1.0", may_remove=True)

    import_version(folder(TWO), version="1.0")

    assert Page.objects.published().count() == 2
    assert search(AnonymousUser(), "zebras")


def test_a_language_that_vanished_goes_with_its_pages(folder: Folder) -> None:
    import_version(folder({**TWO, "zh-hans/index.md": "斑马。"}), version="1.0")

    with pytest.raises(PagesWouldVanish):
        import_version(folder(TWO), version="1.0")
    assert Page.objects.published().filter(locale="zh-hans").exists()
    changed = import_version(folder(TWO), version="1.0", may_remove=True)

    assert changed == {"en": 0, "zh-hans": 1}
    assert not Page.objects.published().filter(locale="zh-hans").exists()


def test_broken_links_refuse_the_whole_import(folder: Folder) -> None:
    root = folder({**TWO, "zh-hans/index.md": "[不存在](gone.md)"})

    with pytest.raises(BrokenLinks) as refused:
        import_version(root, version="1.0")

    assert refused.value.details["broken"] == [f"{root}/zh-hans/index.md:6: gone.md"]
    assert not Version.objects.exists()
    assert not Page.objects.exists()


def test_the_command_names_the_file_and_the_line(folder: Folder) -> None:
    root = folder({"en/index.md": "One.\n\n[gone](gone.md#x)"})

    with pytest.raises(CommandError) as refused:
        call_command("docs", "import", str(root), version="1.0")

    assert f"{root}/en/index.md:8: gone.md#x" in str(refused.value)


def test_the_command_says_what_changed(folder: Folder, capsys: Any) -> None:
    call_command("docs", "import", str(folder(TWO)), version="1.0", default=True)

    assert capsys.readouterr().out == "1.0 en: 2 pages changed\n"


def test_a_newer_version_takes_the_place_of_the_older(folder: Folder) -> None:
    import_version(folder(TWO), version="0.9", is_default=True)

    import_version(
        folder({"en/index.md": "New."}, "new"), version="1.0", is_default=True
    )

    states = dict(Version.objects.values_list("slug", "is_default"))
    assert states == {"0.9": False, "1.0": True}
    labels = IndexEntry.objects.filter(version="0.9").values_list("labels", flat=True)
    assert set(map(tuple, labels)) == {()}


def test_making_an_old_version_current_relabels_it(folder: Folder) -> None:
    import_version(folder(TWO), version="0.9")

    import_version(folder(TWO), version="0.9", is_default=True)

    labels = IndexEntry.objects.values_list("labels", flat=True)
    assert set(map(tuple, labels)) == {("current",)}
    assert Version.objects.get().status == Version.Status.STABLE


def test_versions_are_ordered_by_number_not_by_letter(folder: Folder) -> None:
    root = folder(TWO)

    for version in ("1.9", "1.10", "0.9"):
        import_version(root, version=version)

    assert [version.slug for version in Version.objects.all()] == ["1.10", "1.9", "0.9"]


def test_examples_name_the_site_they_are_read_on(folder: Folder, settings: Any) -> None:
    settings.SITE_URL = "https://ai.example.com"
    root = folder({"en/index.md": "`{{ site_url }}/v1`"})

    import_version(root, version="1.0")

    assert "https://ai.example.com/v1" in Page.objects.get().html


def test_the_links_of_headings_speak_the_pages_language(folder: Folder) -> None:
    import_version(folder({"zh-hans/index.md": "## 标题\n\n文字。"}), version="1.0")

    assert "Link to" not in Page.objects.get().html


def test_a_page_is_voted_on_once_each(folder: Folder) -> None:
    import_version(folder(TWO), version="1.0")
    page = Page.objects.get(path="api")

    vote_helpful(page, voter="user:1", is_helpful=True)
    vote_helpful(page, voter="user:1", is_helpful=True)
    vote_helpful(page, voter="user:1", is_helpful=False)
    vote_helpful(page, voter="visitor", is_helpful=True)

    page.refresh_from_db()
    assert (page.helpful_yes, page.helpful_no) == (1, 1)
    assert Vote.objects.count() == 2


def test_an_import_is_seen_at_once(
    folder: Folder,
    client: Any,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    import_version(folder(TWO), version="1.0", is_default=True)
    assert "Extra" not in client.get("/docs/1.0/api/").content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        import_version(folder({**TWO, "en/extra.md": "More."}), version="1.0")

    assert "Extra" in client.get("/docs/1.0/api/").content.decode()


def state() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Version, Page, IndexEntry, Event)
    ]


LONG = "---\ntitle: T\ndescription: " + "d" * 301 + "\n---\nText."


@pytest.mark.parametrize(
    "pages",
    [
        {"en/index.md": LONG},
        {"en/index.md": "---\ntitle: " + "t" * 201 + "\n---\nText."},
        {"en/index.md": "---\ntitle: T\norder: " + "9" * 5000 + "\n---\nText."},
        {"en/index.md": "---\ntitle: T\norder: ²\n---\nText."},
        {"en/index.md": "Hello.", "en/" + "/".join(["p" * 90] * 3) + ".md": "x"},
        {"en/index.md": "Hello.", "en/??.md": "x"},
        {"en/index.md": "Hel\0lo."},
        {"en/index.md": "Hello.", "zh/index.md": "你好。"},
        {"docs/index.md": "Hello."},
        {"en/index.md": "[gone](gone.md)"},
        {"en/index.md": "Hello."},
    ],
    ids=[
        *("description", "title", "order", "digit", "path", "no-address"),
        *("nul", "unknown-language", "no-language", "link", "vanishing"),
    ],
)
def test_an_import_that_is_refused_changes_nothing(
    folder: Folder, pages: dict[str, str]
) -> None:
    import_version(folder(TWO), version="1.0", is_default=True)
    root = folder(pages, "new")
    before = state()

    for version in ("1.0", "2.0"):
        if version == "2.0" and pages == {"en/index.md": "Hello."}:
            continue
        with pytest.raises(CommandError) as refused:
            call_command("docs", "import", str(root), version=version, default=True)
        assert str(refused.value)

    assert state() == before


def test_a_failure_in_the_middle_changes_nothing(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_version(folder(TWO), version="1.0", is_default=True)
    before = state()
    seen: list[str] = []

    def fail_at_the_last(source: Any) -> None:
        seen.append(source.path)
        if len(seen) == 2:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        import_version(
            folder(TWO, "new"), version="2.0", is_default=True, on_page=fail_at_the_last
        )

    assert state() == before


def test_everything_that_is_wrong_is_said_at_once(folder: Folder) -> None:
    root = folder(
        {
            "en/index.md": LONG,
            "en/api.md": "---\norder: x\n---\n",
            "zh-hans/index.md": "---\n- title\n---\n",
            "zh/index.md": "x",
        }
    )

    with pytest.raises(CommandError) as refused:
        call_command("docs", "import", str(root), version="1.0")

    for finding in (
        f"{root}/en/index.md:3: description has 301 characters; 300 are the most.",
        f"{root}/en/api.md:2: order has to be a whole number.",
        f"{root}/zh-hans/index.md:2: the front matter has to be lines of",
        f"{root}/zh:1: no language of the documentation",
    ):
        assert finding in str(refused.value)


@pytest.mark.parametrize(
    "name", ["", "1.0/beta x", "1.0\n", "_vote", "-1", "..", "x" * 41, "1.0?", "版本"]
)
def test_a_version_is_called_what_an_address_can_say(folder: Folder, name: str) -> None:
    with pytest.raises(BadVersionName):
        import_version(folder(TWO), version=name)
    with pytest.raises(IntegrityError), transaction.atomic():
        Version.objects.create(slug=name[:39] + "/", label="x", status="old")

    assert not Version.objects.exists()


def test_versions_are_relabelled_and_removed_by_command(folder: Folder) -> None:
    import_version(folder(TWO), version="0.9")
    import_version(folder(TWO), version="1.0", is_default=True)

    call_command("docs", "relabel", version="0.9", label="0.9 (old)", verbosity=0)
    assert Version.objects.get(slug="0.9").label == "0.9 (old)"
    with pytest.raises(CommandError, match="2 pages"):
        call_command("docs", "remove", version="0.9")
    with pytest.raises(VersionIsDefault):
        remove_version(Version.objects.get(slug="1.0"))
    call_command("docs", "default", version="0.9")
    call_command("docs", "remove", version="1.0", remove=True)

    assert list(Version.objects.values_list("slug", "is_default")) == [("0.9", True)]
    assert not IndexEntry.objects.filter(version="1.0").exists()


def test_an_empty_installation_gets_the_documentation_and_keeps_its_own(
    folder: Folder, client: Any
) -> None:
    import_version(folder(TWO), version="7.0", is_default=True)
    assert ensure_docs() == ["0.9", "1.0"]
    assert ensure_docs() == []
    assert Version.objects.get(is_default=True).slug == "7.0"
    assert client.get("/docs/1.0/").status_code == 302


def test_a_page_only_in_chinese_is_there_for_everybody(
    folder: Folder, client: Any
) -> None:
    import_version(
        folder({**TWO, "zh-hans/only.md": "只有中文。"}), version="1.0", is_default=True
    )

    page = client.get("/docs/1.0/only/", headers={"accept-language": "en"})

    assert page.status_code == 200
    assert "只有中文。" in page.content.decode()
    assert "it is shown in Chinese" in page.content.decode()
    assert "/docs/1.0/only/" in client.get("/docs/1.0/api/").content.decode()
