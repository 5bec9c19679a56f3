"""Saved reports over REST: the same table as the page's CSV, for staff alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.tokens import create_token
from analytics.models import SavedReport
from analytics.services import save_report
from tests.analytics.logs import fed_rows, view

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., Any]
LIST = "/api/v1/analytics/reports/"
QUERY = (
    "first=2026-03-01&last=2026-03-31&steps=2&s0=page_viewed&s1=searched&breakdown=path"
)


@pytest.fixture
def boss(person: Person, settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    return person("boss", is_staff=True)


@pytest.fixture
def report(boss: Any) -> SavedReport:
    return save_report("funnel", name="Readers", query=QUERY, by=boss)


def bearer(user: Any) -> dict[str, str]:
    _token, secret = create_token(user, name="CI", scopes=["read"])
    return {"Authorization": f"Bearer {secret}"}


def test_a_token_of_staff_reads_an_answer(
    client: Client, person: Person, boss: Any, report: SavedReport
) -> None:
    view("/docs/", user_id=person("ada").pk)
    fed_rows()

    listed = client.get(LIST, headers=bearer(boss)).json()
    answer = client.get(f"{LIST}{report.public_id}/", headers=bearer(boss)).json()

    assert [each["id"] for each in listed["results"]] == [report.public_id]
    assert listed["results"][0]["url"] == reverse(
        "analytics:report", args=[report.public_id]
    )
    assert answer["columns"] == [
        *("value", "step", "event", "count", "median_seconds", "slow_seconds")
    ]
    assert answer["rows"] == [
        ["", 1, "page_viewed", 1, None, None],
        ["", 2, "searched", 0, None, None],
        ["/docs/", 1, "page_viewed", 1, None, None],
        ["/docs/", 2, "searched", 0, None, None],
    ]
    assert answer["as_of"] is not None


def test_days_of_a_trend_are_written_as_days(
    client: Client, person: Person, boss: Any
) -> None:
    view("/docs/", user_id=person("ada").pk)
    fed_rows()
    report = save_report(
        "trend",
        name="Views",
        query="first=2026-03-02&last=2026-03-02&s0=page_viewed",
        by=boss,
    )

    answer = client.get(f"{LIST}{report.public_id}/", headers=bearer(boss)).json()

    assert answer["rows"] == [["2026-03-02", 1.0]]


def test_nobody_else_reads_them(
    client: Client, person: Person, report: SavedReport
) -> None:
    address = f"{LIST}{report.public_id}/"

    assert client.get(address).status_code == 401
    assert client.get(address, headers=bearer(person("ada"))).status_code == 403
    assert client.get(LIST, headers=bearer(person("bea"))).status_code == 403


def test_a_report_that_cannot_be_asked_says_so(client: Client, boss: Any) -> None:
    broken = save_report("trend", name="Broken", query="s0=no_such_event", by=boss)

    answer = client.get(f"{LIST}{broken.public_id}/", headers=bearer(boss))

    assert answer.status_code == 409
    assert answer.json()["code"] == "not_askable"


def test_a_report_that_is_not_there_is_404(client: Client, boss: Any) -> None:
    assert client.get(f"{LIST}rep_x/", headers=bearer(boss)).status_code == 404
    assert client.get(f"{LIST}?page=2", headers=bearer(boss)).status_code == 400
