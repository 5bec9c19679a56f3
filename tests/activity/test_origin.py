"""Where a visit came from: whole hosts, and one place for source and medium."""

from typing import Any

import pytest
from django.test import Client, RequestFactory

from activity.models import Event, Visitor
from activity.origin import origin_of
from activity.services import flush_buffer
from tests.activity.conftest import FIREFOX
from tests.signing_in import record_sign_in


def came(referrer: str, query: str = "") -> tuple[str, str]:
    request = RequestFactory().get(f"/docs/{query}", headers={"Referer": referrer})
    origin = origin_of(request)
    return origin.source, origin.medium


@pytest.mark.parametrize(
    "host",
    [
        *("www.google.com", "google.de", "www.google.co.uk", "www.google.com.hk"),
        *("cn.bing.com", "www.baidu.com", "m.sogou.com", "duckduckgo.com", "ya.ru"),
        *("search.yahoo.co.jp", "kagi.com", "search.brave.com", "www.so.com"),
    ],
)
def test_a_search_engine_is_a_search(host: str) -> None:
    assert came(f"https://{host}/search?q=doorstone") == ("search", "organic")


@pytest.mark.parametrize(
    "host", ["docs.google.com", "mail.google.com", "google.evil.example", "bing.org"]
)
def test_another_page_of_such_a_host_is_a_site_like_any_other(host: str) -> None:
    assert came(f"https://{host}/d/1") == (host, "referral")


@pytest.mark.parametrize(
    "page",
    [
        "https://accounts.google.com/signin",
        "https://login.microsoftonline.com/x",
        "https://checkout.stripe.com/c/pay",
        "https://billing.stripe.com/p/session",
        "https://github.com/login/oauth/authorize",
        "https://acme.okta.com/app",
        "https://acme.okta-emea.com/",
        "https://acme.eu.auth0.com/",
        "https://accounts.google.co.jp/",
        "https://login.partner.microsoftonline.cn/",
        "https://pay.stripe.com/invoice",
        "https://m.stripe.network/",
        "https://wx.tenpay.com/",
        "https://gitlab.com/users/auth/x",
    ],
)
def test_who_comes_back_from_signing_in_or_paying_has_no_source(page: str) -> None:
    assert came(page) == ("direct", "")


def test_a_repository_is_a_source_though_its_host_signs_people_in() -> None:
    assert came("https://github.com/acme/tool") == ("github.com", "referral")
    assert came("https://github.com/loginovich/tool") == ("github.com", "referral")
    assert came("https://stripe.com/customers") == ("stripe.com", "referral")
    assert came("https://docs.stripe.com/apps") == ("docs.stripe.com", "referral")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "ago", "source"),
    [
        ("socialaccount", 5, "direct"),
        ("socialaccount", 3600, "github.com"),
        ("password", 5, "github.com"),
    ],
)
def test_who_has_just_come_in_by_a_provider_was_not_sent_by_it(
    method: str, ago: int, source: str, person: Any, client: Client
) -> None:
    """Browsers name the provider's host alone, as they do for a link of its pages."""
    ada = person("ada")
    client.force_login(ada)
    said = {"method": method, "provider": "github"}
    record_sign_in(client, ada, minutes_ago=ago / 60, **said)

    client.get("/", headers={"User-Agent": FIREFOX, "Referer": "https://github.com/"})

    assert Visitor.objects.get().source == source


def test_the_emulators_checkout_is_no_source(settings: Any) -> None:
    settings.STRIPE_API_BASE = "http://stripe.test:12111"

    assert came("http://stripe.test:12111/pay/cs_1") == ("direct", "")


def test_source_and_medium_are_the_campaigns_or_the_referrers() -> None:
    search = "https://www.google.com/"

    assert came(search, "?utm_source=GitHub") == ("github", "")
    assert came(search, "?utm_medium=mail") == ("search", "organic")
    assert came(search, "?utm_source=news&utm_medium=Mail") == ("news", "mail")


def test_no_source_is_called_what_an_address_says_for_none() -> None:
    assert came("", "?utm_source=-") == ("direct", "")


@pytest.mark.django_db
def test_every_arrival_keeps_its_touch_and_a_click_inside_has_none(
    client: Client,
) -> None:
    chrome = {
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36"
    }
    client.get("/search/", headers=chrome)
    client.get("/search/?utm_source=newsletter&utm_campaign=May", headers=chrome)
    client.get("/search/?gclid=abc&ref=ada", headers=chrome)
    inside = chrome | {"Referer": "http://testserver/search/"}
    client.get("/search/", headers=inside)
    client.get("/search/?gclid=abc", headers=chrome | {"DNT": "1"})
    flush_buffer()

    views = Event.objects.filter(name="page_viewed").order_by("id")

    assert [view.properties.get("touch") for view in views] == [
        None,
        {"source": "newsletter", "campaign": "May"},
        {"source": "direct", "gclid": "abc", "ref": "ada"},
        None,
        None,
    ]
