import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from design.views import server_error
from tests.factories import forum
from tests.factories.inference import offered_model
from tests.forms import form_of

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


def render(source: str, **context: object) -> str:
    return Template("{% load doorstone %}" + source).render(Context(context))


@pytest.mark.parametrize("path", ["/", "/styleguide/"])
def test_a_page_answers_without_scripts(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 200
    assert b'<html lang="en"' in response.content


def test_the_language_is_named_for_readers_of_screens(client: Client) -> None:
    response = client.get("/", headers={"Accept-Language": "zh-CN"})

    assert b'<html lang="zh-Hans"' in response.content


def test_a_visitors_home_page_costs_the_same_however_much_there_is(
    client: Client, person: Callable[..., Any], django_assert_max_num_queries: Any
) -> None:
    writer = person("ada")
    for _number in range(3):
        forum.topic(writer)
        offered_model(f"m{_number}")
    client.get("/")

    # The latest topics with their tags, and the models with their prices.
    with django_assert_max_num_queries(8):
        client.get("/")


def test_the_home_page_is_whole_without_scripts(
    client: Client, person: Callable[..., Any]
) -> None:
    topic = forum.topic(person("ada"), title="Where do keys go?")
    offered_model("tiny")

    html = client.get("/").content.decode()

    assert 'class="figures"' in html
    assert topic.get_absolute_url() in html
    assert "/models/tiny/" in html
    assert "/forum/_" not in html


def test_a_part_that_is_refused_or_away_leaves_its_place(
    rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = rf.get("/")
    request.user = AnonymousUser()
    refused = render(
        '{% fragment "/contributions/_of/nobody/" %}gone{% endfragment %}',
        request=request,
    )

    def away(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr("community.forum.views.liveliness", away)
    absent = render(
        '{% fragment "/forum/_numbers/" %}away{% endfragment %}', request=request
    )

    assert (refused, absent) == ("gone", "away")


def test_a_part_reads_its_own_address_and_not_the_pages(
    rf: RequestFactory, person: Callable[..., Any]
) -> None:
    offered_model("tiny")
    request = rf.post("/elsewhere/?rates=9,9", {"rates": "1,1"})
    request.user = person("ada")

    html = render(
        "{% fragment address %}{% endfragment %}",
        request=request,
        address="/models/_rates/?rates=1,2",
    )

    assert '<select class="input" name="rates">' in html
    assert (request.method, request.path) == ("POST", "/elsewhere/")
    assert request.GET["rates"] == "9,9"


def test_no_page_waits_for_a_script_to_bring_its_words() -> None:
    """What comes with ``load`` is an extra: what anybody needs is in the page."""
    extras = {
        # How many notices wait, beside the link to them.
        "components/topbar.html",
        # What may be offered: nothing, without scripts.
        "accounts/console_home.html",
        "plans/pricing.html",
        "subscriptions/checkout.html",
        # What else there is; the search has it.
        "forum/topic_detail.html",
        # They ask again.
        "subscriptions/_checkout_outcome.html",
        "playground/_answer.html",
    }
    folder = ROOT / "templates"

    found = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.html")
        if 'hx-trigger="load' in path.read_text()
    }

    assert found == extras


def test_every_key_of_the_list_does_something() -> None:
    pages = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    forms = [path.read_text() for path in (ROOT / "community").rglob("forms.py")]
    script = (ROOT / "platform/design/static/design/js/shortcuts.js").read_text()
    shown = (ROOT / "templates/components/shortcuts.html").read_text()
    bound = {
        *re.findall(r'data-key="(\w)"', "".join(pages)),
        *re.findall(r'\bkey="(\w)"', "".join(pages)),
        *re.findall(r'"data-key": "(\w)"', "".join(forms)),
        *re.findall(r'event.key === "(.)"', script),
        *re.findall(r"\b(\w): \"/", script),
    }

    listed = re.findall(r"<kbd>([a-z/?])</kbd>", shown)

    assert {"c", "r", "j", "g"} <= set(listed)
    assert set(listed) <= bound


def footer_of(page: str) -> str:
    return page.split("<footer")[1].split("</footer>")[0]


def test_the_footer_leads_people_to_pages_for_people(
    client: Client, person: Callable[..., Any], settings: Any
) -> None:
    settings.TERMS_URL = "https://example.test/terms"
    of_visitor = footer_of(client.get("/status/").text)
    client.force_login(person("staff", is_staff=True))
    of_staff = footer_of(client.get("/status/").text)

    assert "/readyz" not in of_visitor
    assert 'href="/status/"' in of_visitor
    assert 'href="https://example.test/terms"' in of_visitor
    assert "Privacy" not in of_visitor
    assert "/styleguide/" not in of_visitor
    assert "/styleguide/" in of_staff


def test_the_status_page_says_in_words_what_programs_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = client.get("/status/")
    monkeypatch.setattr("edge.health._check_redis", lambda: False)
    slower = client.get("/status/")
    monkeypatch.setattr("edge.health._check_database", lambda: False)
    down = client.get("/status/")

    assert (well.status_code, slower.status_code, down.status_code) == (200, 200, 503)
    assert "Everything works." in well.text
    assert "more slowly" in slower.text
    assert "Nothing can be read or written" in down.text


def test_the_preview_is_clean(client: Client) -> None:
    response = client.post("/preview/", {"text": "**hi** <script>alert(1)</script>"})

    assert b"<strong>hi</strong>" in response.content
    assert b"<script>" not in response.content


def test_an_empty_preview_says_so(client: Client) -> None:
    response = client.post("/preview/", {"text": ""})

    assert "Nothing to preview yet." in response.content.decode()


def test_previews_are_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # One is given back each minute, however slow the machine is.
    monkeypatch.setattr("design.views._PREVIEWS_PER_MINUTE", 1)
    client.post("/preview/", {"text": "x"})

    response = client.post("/preview/", {"text": "x"})

    assert response.status_code == 429
    assert int(response["Retry-After"]) >= 1


def test_a_theme_is_remembered(client: Client) -> None:
    response = client.post("/theme/", {"theme": "dark", "next": "/styleguide/"})

    assert response["Location"] == "/styleguide/"
    assert b'data-theme="dark"' in client.get("/").content


def test_the_systems_theme_forgets_the_choice(client: Client) -> None:
    client.post("/theme/", {"theme": "dark"})

    client.post("/theme/", {"theme": ""})

    assert b"data-theme=" not in client.get("/").content.split(b"<body")[0]


@pytest.mark.parametrize(
    "bad", ["https://evil.example/", "//evil.example", "javascript:1"]
)
def test_the_theme_switch_leads_nowhere_else(client: Client, bad: str) -> None:
    response = client.post("/theme/", {"theme": "dark", "next": bad})

    assert response["Location"] == "/"


def test_an_unknown_theme_is_ignored(client: Client) -> None:
    client.post("/theme/", {"theme": '"><script>'})

    assert b"<script>" not in client.get("/").content


def test_a_missing_page_says_so_and_names_the_request(client: Client) -> None:
    response = client.get("/nowhere/")

    assert response.status_code == 404
    assert "This page does not exist" in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()
    assert "nonce-" in response["Content-Security-Policy"]


def test_htmx_gets_a_fragment_of_an_error(client: Client) -> None:
    response = client.get("/nowhere/", headers={"HX-Request": "true"})

    assert response.status_code == 404
    assert b"<html" not in response.content


def test_a_wrong_method_gets_a_page_and_keeps_its_header(client: Client) -> None:
    response = client.get("/preview/")

    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert b"<h1>" in response.content


def test_an_expired_form_gets_a_page_of_its_own() -> None:
    response = Client(enforce_csrf_checks=True).post("/preview/", {"text": "x"})

    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/password/change/"])
def test_an_expired_form_of_an_account_does_not_say_that_anything_is_kept(
    path: str,
) -> None:
    typed = {"login": "ada", "password": "correct horse"}

    response = Client(enforce_csrf_checks=True).post(path, typed)

    assert response.status_code == 403
    page = response.content.decode()
    assert "what you typed is not kept" in page
    assert "correct horse" not in page


def test_an_expired_form_that_has_a_draft_says_that_it_is_kept(
    person: Callable[..., Any],
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("ada"))
    typed = form_of(client.get("/console/new/").content.decode(), "name").values

    response = client.post("/console/new/", {"draft": typed["draft"], "name": "Acme"})

    assert response.status_code == 403
    assert "what you typed is kept" in response.content.decode()
    assert 'value="Acme"' in client.get("/console/new/").content.decode()


def test_a_broken_server_says_sorry_without_the_database(
    rf: RequestFactory, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # The last request of another test may have left its language behind.
    with translation.override("en"), django_assert_num_queries(0):
        response = server_error(rf.get("/"))

    assert response.status_code == 500
    assert b"Something broke on our side" in response.content


def test_only_marked_elements_are_trusted_by_htmx(client: Client) -> None:
    response = client.get("/styleguide/")

    nonce = response.context["request"].csp_nonce
    assert f"'nonce-{nonce}'" in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("source", "value", "text"),
    [
        ("{{ value|money:'usd' }}", 1234, "$12.34"),
        ("{{ value|money:'usd' }}", None, "no data"),
        ("{{ value|nano:'usd' }}", 3_100_000, "$0.0031"),
        ("{{ value|compact }}", 840, "840"),
        ("{{ value|compact }}", 2_149, "2.1k"),
        ("{{ value|compact }}", 3_000_000, "3M"),
        ("{{ value|initials }}", "Ada Chen", "AC"),
        ("{{ value|initials }}", "陈晨", "陈"),
        ("{{ value|initials }}", "", "?"),
        ("{{ value|polyline }}", [0, 10], "0.0,22.0 100.0,2.0"),
    ],
)
def test_a_tag_writes_what_people_read(source: str, value: object, text: str) -> None:
    assert render(source, value=value) == text


def test_a_moment_says_how_long_ago_and_when_exactly() -> None:
    moment = timezone.now() - timedelta(hours=2)

    html = render("{{ moment|timeago }}", moment=moment)

    assert "2\xa0hours ago" in html
    assert f'title="{moment:%Y-%m-%d %H:%M} UTC"' in html


def test_an_old_moment_is_a_date() -> None:
    moment = timezone.now() - timedelta(days=40)

    assert " ago" not in render("{{ moment|timeago }}", moment=moment)


def test_a_drawing_is_decoration_unless_it_is_named() -> None:
    assert 'aria-hidden="true"' in render("{% icon 'key-round' %}")
    assert 'aria-label="Key"' in render("{% icon 'key-round' '' 'Key' %}")


def test_the_menus_of_a_signed_in_page_cost_one_query_for_organisations(
    client: Client, person: Callable[..., User]
) -> None:
    client.force_login(
        person("ada"), "allauth.account.auth_backends.AuthenticationBackend"
    )

    with CaptureQueriesContext(connection) as captured:
        client.get("/")

    asked = [
        query["sql"]
        for query in captured.captured_queries
        if 'FROM "accounts_organisation"' in query["sql"]
    ]
    assert len(asked) == 1


def test_the_menu_of_organisations_offers_a_new_team(
    client: Client, person: Callable[..., User]
) -> None:
    client.force_login(
        person("ada"), "allauth.account.auth_backends.AuthenticationBackend"
    )

    page = client.get(reverse("accounts:console-home", args=["ada"]))

    assert f'href="{reverse("accounts:team-create")}"' in page.content.decode()
