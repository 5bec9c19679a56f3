"""Language, time zone and theme belong to a person and hold wherever they are."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone, translation

from accounts.middleware import preferred_time_zone
from accounts.preferences import speak_to
from tests.pages import said_by

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
MOMENT = datetime(2026, 1, 31, 17, 37, tzinfo=UTC)


def shown_to(user: Any, cookies: dict[str, str] | None = None) -> str:
    """Return a moment as a template shows it within a request of ``user``."""
    request = RequestFactory().get("/")
    request.user = user
    request.COOKIES.update(cookies or {})
    template = Template("{{ moment|date:'Y-m-d H:i T' }}")
    seen = preferred_time_zone(
        lambda _request: template.render(Context({"moment": MOMENT}))  # type: ignore[arg-type,return-value]
    )
    return str(seen(request))


@pytest.mark.parametrize(
    ("zone", "cookie", "shown"),
    [
        ("Asia/Shanghai", "", "2026-02-01 01:37 CST"),
        ("Asia/Shanghai", "Europe/Paris", "2026-02-01 01:37 CST"),
        ("", "Europe/Paris", "2026-01-31 18:37 CET"),
        ("", "", "2026-01-31 17:37 UTC"),
        ("", "../../etc/passwd", "2026-01-31 17:37 UTC"),
        ("", "Mars/Olympus", "2026-01-31 17:37 UTC"),
        ("Nowhere/Else", "Asia/Kathmandu", "2026-01-31 23:22 +0545"),
    ],
)
def test_a_moment_is_shown_in_the_readers_zone(
    person: Person, zone: str, cookie: str, shown: str
) -> None:
    ada = person("ada", time_zone=zone)

    assert shown_to(ada, {"ds_time_zone": cookie}) == shown


def test_the_zone_of_one_reader_is_not_the_next_ones(person: Person) -> None:
    shown_to(person("chen", time_zone="Asia/Shanghai"))

    assert timezone.get_current_timezone_name() == "UTC"


def test_the_pages_use_the_zone_that_was_chosen(person: Person) -> None:
    ada = person("ada", time_zone="Asia/Shanghai")
    client = Client()
    client.force_login(ada)

    html = said_by(client.get("/accounts/sessions/"))

    assert re.search(r'title="[\d-]+ [\d:]+ CST"', html)
    assert "UTC" not in html


def test_a_theme_holds_on_every_device(person: Person) -> None:
    ada = person("ada")
    here, there = Client(), Client()
    here.force_login(ada)
    there.force_login(ada)

    here.post("/theme/", {"theme": "dark", "next": "/"})

    assert 'data-theme="dark"' in there.get("/").content.decode()


def test_the_systems_choice_is_a_choice_too(person: Person) -> None:
    ada = person("ada", theme="dark")
    client = Client()
    client.force_login(ada)
    client.cookies["ds_theme"] = "dark"

    client.post("/theme/", {"theme": "", "next": "/"})
    client.cookies["ds_theme"] = "dark"

    assert "data-theme" not in client.get("/").content.decode().split(">")[1]


def test_a_visitors_theme_is_their_browsers() -> None:
    client = Client()

    client.post("/theme/", {"theme": "light", "next": "/"})

    assert 'data-theme="light"' in client.get("/").content.decode()


def test_a_new_account_begins_as_its_browser_was() -> None:
    client = Client()
    client.cookies["ds_time_zone"] = "Asia/Shanghai"
    client.cookies["ds_theme"] = "dark"
    client.cookies["ds_language"] = "zh-hans"

    client.post(
        "/accounts/signup/",
        {
            "email": "n@example.test",
            "username": "newby",
            "password1": "a long secret 1",
        },
    )

    from accounts.models import User

    new = User.objects.get(username="newby")
    assert (new.time_zone, new.theme, new.locale) == (
        "Asia/Shanghai",
        "dark",
        "zh-hans",
    )


def test_mails_speak_a_persons_language_in_their_time(person: Person) -> None:
    chen = person("chen", locale="zh-hans", time_zone="Asia/Shanghai")

    with speak_to(chen):
        assert translation.get_language() == "zh-hans"
        assert timezone.localtime(MOMENT).hour == 1

    assert timezone.get_current_timezone_name() == "UTC"


def test_no_template_calls_a_readers_time_utc() -> None:
    """What is in the reader's zone names it by itself (``T``)."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r"\|date:.*UTC|\{\{ \w+ \}\} \(?UTC", line)
    ]

    assert found == []
