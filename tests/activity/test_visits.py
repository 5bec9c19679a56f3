from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from activity.middleware import COOKIE
from activity.models import Event, FirstTouch, Visitor, VisitorLink
from activity.services import flush_buffer
from stores.redis import client as redis
from stores.redis import prefixed
from tests.activity.conftest import FIREFOX, Browser

CAMPAIGN = "/search/?utm_source=HN&utm_medium=post&utm_campaign=Launch"
pytestmark = pytest.mark.django_db


def views() -> list[Event]:
    flush_buffer()
    return list(Event.objects.filter(name="page_viewed").order_by("id"))


def sign_in(browser: Client, user: User) -> None:
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": True}
    )
    answer = browser.post(
        "/accounts/login/", {"login": user.email, "password": "correct horse"}
    )
    assert answer.status_code == 302


def test_the_first_page_view_fixes_where_a_browser_came_from(
    browser_of: Browser,
) -> None:
    browser = browser_of()
    browser.get(CAMPAIGN, headers={"referer": "https://news.example/item?id=7#top"})

    visitor = Visitor.objects.get()
    assert (visitor.source, visitor.medium, visitor.campaign) == (
        "hn",
        "post",
        "Launch",
    )
    assert visitor.referrer == "https://news.example/item"
    assert visitor.landing_path == "/search/"
    cookie = browser.cookies[COOKIE]
    assert cookie.value == visitor.pk
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_nothing_later_overwrites_it(browser_of: Browser) -> None:
    browser = browser_of()
    browser.get(CAMPAIGN)
    browser.get("/search/")
    browser.get("/search/?utm_source=newsletter")
    browser.get("/search/", headers={"referer": "https://www.google.com/"})

    assert Visitor.objects.get().source == "hn"


@pytest.mark.parametrize(
    ("referrer", "source", "medium", "kept"),
    [
        ("", "direct", "", ""),
        ("http://testserver/forum/", "direct", "", ""),
        ("https://www.google.com/search?q=x", "search", "organic", None),
        ("https://www.baidu.com/link?url=x", "search", "organic", None),
        ("https://google.co.jp/", "search", "organic", None),
        ("https://mygoogle.example/", "mygoogle.example", "referral", None),
        ("https://www.example.org/post", "example.org", "referral", None),
        ("https://ben:secret@example.org/", "example.org", "referral", None),
        ("android-app://com.example/", "direct", "", ""),
        ("http://[half", "direct", "", ""),
        ("not an address", "direct", "", ""),
    ],
)
def test_without_a_campaign_the_referrer_says_it(
    browser_of: Browser, referrer: str, source: str, medium: str, kept: str | None
) -> None:
    browser_of().get("/search/", headers={"referer": referrer})

    visitor = Visitor.objects.get()
    assert (visitor.source, visitor.medium) == (source, medium)
    assert "secret" not in visitor.referrer
    assert "?" not in visitor.referrer
    assert kept is None or visitor.referrer == kept


@pytest.mark.parametrize("value", ["x" * 500, "%F0%9F%99%82", "%ff"])
def test_nothing_in_an_address_breaks_a_visit(browser_of: Browser, value: str) -> None:
    answer = browser_of().get(
        f"/search/?utm_source={value}&utm_medium={value}&utm_campaign={value}&q={value}"
    )

    assert answer.status_code == 200
    assert Visitor.objects.count() == 1
    assert len(views()) == 1
    assert Event.objects.filter(name="searched").count() == 1


@pytest.mark.parametrize("value", ["%00", "a%00b"])
def test_what_cannot_be_read_is_no_visit(browser_of: Browser, value: str) -> None:
    answer = browser_of().get(f"/search/?utm_source={value}&q={value}")

    assert answer.status_code == 400
    assert views() == []
    assert not Event.objects.filter(name="searched").exists()


ENGINE = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
        "Baiduspider/2.0",
        "curl/8.5.0",
        "python-requests/2.32",
        "Scrapy/2.13 (+https://scrapy.org)",
        "Go-http-client/2.0",
        "okhttp/5.1.0",
        "axios/1.12.0",
        "Apache-HttpClient/5.5 (Java/21)",
        "Java/21.0.2",
        "PostmanRuntime/7.46",
        "ia_archiver",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        f"Mozilla/5.0 (X11; Linux x86_64) {ENGINE} HeadlessChrome/141.0 Safari/537.36",
        f"Mozilla/5.0 {ENGINE}; compatible; ChatGPT-User/1.0; +https://openai.com/bot",
        "Mozilla/5.0 (compatible; AhrefsSiteAudit/6.1; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 (Windows NT; Windows NT 10.0) WindowsPowerShell/5.1.19041",
        f"Mozilla/5.0 (Windows NT 10.0) {ENGINE} Cypress/13 Chrome/118 Electron/27",
    ],
)
def test_what_programs_fetch_is_no_visit(browser_of: Browser, agent: str) -> None:
    browser = browser_of(agent)
    browser.get("/search/?q=keys")

    assert not Visitor.objects.exists()
    assert views() == []
    event = Event.objects.get()
    assert (event.name, event.path) == ("page_fetched", "/search/")
    assert event.properties == {"agent": agent}
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize(
    "agent",
    [
        f"Mozilla/5.0 (Linux; Android 13; CUBOT P80) {ENGINE} Chrome/141.0 Mobile",
        f"Mozilla/5.0 (Linux; Android 14) {ENGINE} Chrome/116.0 MicroMessenger/8.0.47",
        f"Mozilla/5.0 (Windows NT 10.0) {ENGINE} Chrome/140.0 YaBrowser/25.8 Safari",
        "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 DuckDuckGo/7 Safari/605.1.15",
        "Lynx/2.9.2 libwww-FM/2.14",
    ],
)
def test_a_person_s_browser_is_a_visit(browser_of: Browser, agent: str) -> None:
    browser_of(agent).get("/search/")

    assert Visitor.objects.count() == 1
    assert len(views()) == 1


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/healthz", {}),
        ("/search/", {"hx-request": "true"}),
        ("/search/", {"sec-purpose": "prefetch;prerender"}),
        ("/no-such-page/", {}),
    ],
)
def test_what_is_no_page_view_is_not_counted(
    browser_of: Browser, path: str, headers: dict[str, str]
) -> None:
    browser_of().get(path, headers=headers)

    assert not Visitor.objects.exists()
    assert views() == []


@pytest.mark.parametrize("header", ["dnt", "sec-gpc"])
def test_who_asks_not_to_be_known_is_counted_without_a_name(
    browser_of: Browser, person: Any, header: str
) -> None:
    browser = browser_of()
    browser.get("/search/")
    known = Visitor.objects.get()
    before = len(views())
    browser.force_login(person("ada"))

    answer = browser.get("/search/?q=keys", headers={header: "1"})

    assert answer.cookies[COOKIE]["max-age"] == 0
    assert list(Visitor.objects.all()) == [known]
    assert not VisitorLink.objects.exists()
    named = {(view.visitor_id, view.user_id) for view in views()[before:]}
    searched = Event.objects.get(name="searched")
    assert named == {("", None)}
    assert (searched.visitor_id, searched.user_id) == ("", None)


def test_a_sign_up_links_the_browser_and_fixes_the_first_touch(
    browser_of: Browser,
) -> None:
    browser = browser_of()
    browser.get(CAMPAIGN)

    browser.post(
        "/accounts/signup/",
        {
            "email": "dora@example.test",
            "username": "dora",
            "password1": "correct horse battery",
        },
    )

    dora = User.objects.get(username="dora")
    touch = FirstTouch.objects.get(user=dora)
    assert VisitorLink.objects.get().user == dora
    assert (touch.source, touch.campaign) == ("hn", "Launch")
    assert touch.at == Visitor.objects.get().first_seen_at


def test_a_person_of_two_browsers_is_linked_to_both_and_touched_once(
    browser_of: Browser, person: Any
) -> None:
    ada = person("ada")
    laptop, phone = browser_of(), browser_of()
    laptop.get(CAMPAIGN)
    sign_in(laptop, ada)
    phone.get("/search/?utm_source=newsletter")

    sign_in(phone, ada)
    sign_in(phone, ada)

    assert VisitorLink.objects.filter(user=ada).count() == 2
    assert FirstTouch.objects.get().source == "hn"


def test_a_shared_computer_is_somebody_elses_after_signing_out(
    browser_of: Browser, person: Any
) -> None:
    ada, ben = person("ada"), person("ben")
    computer = browser_of()
    computer.get(CAMPAIGN)
    sign_in(computer, ada)
    first = Visitor.objects.get()

    computer.post("/accounts/logout/")
    computer.get("/search/?utm_source=friend")
    sign_in(computer, ben)

    assert VisitorLink.objects.get(visitor=first).user == ada
    second = VisitorLink.objects.get(user=ben).visitor
    assert second.pk != first.pk
    assert FirstTouch.objects.get(user=ben).source == "friend"


def test_a_browser_never_moves_even_without_signing_out(
    browser_of: Browser, person: Any
) -> None:
    ada, ben = person("ada"), person("ben")
    computer = browser_of()
    computer.get(CAMPAIGN)
    sign_in(computer, ada)
    taken = computer.cookies[COOKIE].value
    borrowed = browser_of()
    borrowed.cookies[COOKIE] = taken

    sign_in(borrowed, ben)
    borrowed.get("/search/")

    assert VisitorLink.objects.get(visitor_id=taken).user == ada
    assert VisitorLink.objects.get(user=ben).visitor_id != taken
    assert FirstTouch.objects.get(user=ben).source == "direct"


def test_a_page_view_of_a_known_browser_costs_no_query(
    browser_of: Browser, person: Any
) -> None:
    browser = browser_of()
    browser.force_login(person("ada"))
    browser.get("/search/")

    with CaptureQueriesContext(connection) as captured:
        browser.get("/search/")

    assert [sql for each in captured if "activity_" in (sql := each["sql"])] == []
    assert len(views()) == 2


def test_a_page_view_of_a_new_browser_costs_one(browser_of: Browser) -> None:
    with CaptureQueriesContext(connection) as captured:
        browser_of().get("/search/")

    assert len([each for each in captured if "activity_" in each["sql"]]) == 1


def test_one_address_that_keeps_losing_its_cookie_is_not_hundreds_of_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activity.middleware._NEW_PER_MINUTE", 2)
    for _ in range(6):
        Client(headers={"user-agent": FIREFOX}).get("/search/")

    # One is given back each half minute the test takes.
    assert 2 <= Visitor.objects.count() < 6
    assert len(views()) == 6


def test_no_address_is_stored_anywhere(browser_of: Browser, person: Any) -> None:
    browser = browser_of()
    browser.get("/search/?q=keys", REMOTE_ADDR="203.0.113.77")
    flush_buffer()

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT json_agg(v)::text FROM activity_visitor v)"
            " || (SELECT json_agg(e)::text FROM activity_event e)"
        )
        stored = cursor.fetchone()[0]
    assert "203.0.113" not in stored
    assert redis().llen(prefixed("activity:buffer")) == 0
