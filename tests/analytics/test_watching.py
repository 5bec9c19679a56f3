"""Whoever watches a series is told once for each time it leaves its band."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from activity.services import NewEvent, write_events
from analytics import watching
from analytics.feed import feed
from analytics.forms import midnight, today
from analytics.models import SavedReport, Watch, Watcher
from analytics.questions import Trend
from analytics.saved import question_of
from analytics.services import replace_report, save_report
from core.errors import Gone
from notifications.models import EmailMessage, Notification
from tests.races import together

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., Any]
DAY = timedelta(days=1)
EVENTS = "s0=searched&s0measure=events"


@pytest.fixture
def boss(person: Person, settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    return person("boss", is_staff=True)


@pytest.fixture
def report(boss: Any) -> SavedReport:
    return save_report("trend", name="Searches", query=EVENTS, by=boss)


@pytest.fixture
def watched(report: SavedReport, boss: Any) -> SavedReport:
    watching.set_watcher(report, boss, is_watcher=True)
    return report


def searched(days_ago: int, count: int) -> None:
    """Have people search so often on the day so many days ago."""
    noon = midnight(today()) - days_ago * DAY + timedelta(hours=12)
    write_events(
        NewEvent(
            name="searched",
            occurred_at=noon,
            visitor_id="v_1",
            properties={"query": "key", "results": 1},
        )
        for _ in range(count)
    )


def judge() -> int:
    """Feed what is new and judge; what was asked before is forgotten."""
    feed()
    cache.clear()
    return watching.judge_watches()


def judged_until(days_ago: int) -> None:
    Watch.objects.update(judged_on=today() - days_ago * DAY)


@pytest.fixture
def history() -> None:
    """Eight quiet weeks: twenty searches a day."""
    for days_ago in range(4, 62):
        searched(days_ago, 20)


@pytest.mark.usefixtures("history")
def test_a_leaving_is_told_once_and_the_next_one_again(
    watched: SavedReport, boss: Any
) -> None:
    for days_ago, count in ((3, 90), (2, 95), (1, 20)):
        searched(days_ago, count)
    judged_until(4)

    assert judge() == 1
    assert Watch.objects.get().outside_since is None
    told = Notification.objects.get(user=boss)
    assert told.url == reverse("analytics:report", args=[watched.public_id])
    assert "“Searches” has left its band" in told.title
    assert ": 90. By the same weekdays" in told.body
    assert EmailMessage.objects.filter(user=boss, kind="figures").count() == 1

    assert judge() == 0
    judged_until(2)
    searched(1, 75)
    assert judge() == 1
    assert Watch.objects.get().outside_since == today() - DAY


@pytest.mark.usefixtures("history")
def test_usual_days_are_told_to_nobody(watched: SavedReport) -> None:
    for days_ago, count in ((3, 21), (2, 17), (1, 24)):
        searched(days_ago, count)
    judged_until(4)

    assert judge() == 0
    assert Watch.objects.get(report=watched).judged_on == today() - DAY


@pytest.mark.usefixtures("history", "watched")
def test_a_day_that_is_not_over_is_not_judged() -> None:
    for days_ago in (3, 2, 1):
        searched(days_ago, 20)
    judged_until(2)
    searched(0, 500)

    assert judge() == 0


@pytest.mark.usefixtures("watched")
def test_nothing_is_judged_before_the_read_side_has_yesterday() -> None:
    searched(1, 20)
    judged_until(3)

    assert watching.judge_watches() == 0
    assert Watch.objects.get().judged_on == today() - 3 * DAY


@pytest.mark.usefixtures("history", "watched")
def test_two_workers_tell_once(boss: Any) -> None:
    for days_ago, count in ((3, 20), (2, 20), (1, 95)):
        searched(days_ago, count)
    judged_until(2)
    feed()
    cache.clear()

    came = together(*[watching.judge_watches] * 3)

    assert sorted(came) == [0, 0, 1]
    assert Notification.objects.filter(user=boss).count() == 1


@pytest.mark.usefixtures("watched")
def test_without_four_weeks_there_is_no_band() -> None:
    for days_ago, count in ((3, 1), (2, 1), (1, 1_000)):
        searched(days_ago, count)
    judged_until(2)

    assert judge() == 0
    assert Watch.objects.get().judged_on == today() - DAY


def test_who_stops_watching_is_told_nothing(watched: SavedReport, boss: Any) -> None:
    watching.set_watcher(watched, boss, is_watcher=False)

    assert not Watcher.objects.exists()
    assert judge() == 0


def test_a_report_that_asks_something_else_begins_anew(
    watched: SavedReport, boss: Any
) -> None:
    Watch.objects.update(outside_since=date(2026, 3, 1), judged_on=date(2026, 3, 1))

    replace_report(watched, query="s0=page_viewed", by=boss)
    watch = Watch.objects.get()
    replace_report(watched, query="steps=2&s0=page_viewed&s1=searched", by=boss)

    assert (watch.outside_since, watch.judged_on) == (None, today() - DAY)
    assert not Watch.objects.exists()


@pytest.mark.parametrize(
    ("kind", "query", "is_watchable"),
    [
        ("trend", "s0=searched", True),
        ("trend", "steps=2&s0=searched&s1=page_viewed&formula=a/b", True),
        ("trend", "steps=2&s0=searched&s1=page_viewed", False),
        ("trend", "s0=searched&breakdown=path", False),
        ("segment", "s0=searched", False),
    ],
)
def test_one_series_can_be_watched(
    kind: str, query: str, is_watchable: bool, boss: Any
) -> None:
    report = save_report(kind, name="R", query=query, by=boss)

    assert watching.is_watchable(question_of(report)) is is_watchable


def test_the_page_watches_and_says_why_it_cannot(
    client: Client, boss: Any, report: SavedReport
) -> None:
    feed()
    client.force_login(boss)
    two = save_report(
        "trend", name="Two", query="steps=2&s0=searched&s1=page_viewed", by=boss
    )

    done = client.post(
        reverse("analytics:report-watch", args=[report.public_id]), {"on": "1"}
    )
    refused = client.post(
        reverse("analytics:report-watch", args=[two.public_id]), {"on": "1"}
    )
    page = client.get(done["Location"])

    assert Watcher.objects.get().user == boss
    assert "Stop watching it" in page.content.decode()
    assert "There is no band yet" in page.content.decode()
    assert refused.status_code == 409
    assert "Only a trend of one series" in refused.content.decode()


@pytest.mark.usefixtures("history")
def test_days_are_judged_by_those_before_them_alone(report: SavedReport) -> None:
    for days_ago, count in ((3, 500), (2, 500), (1, 500)):
        searched(days_ago, count)
    feed()
    question = question_of(report)
    assert isinstance(question, Trend)

    days = watching.judged_days(question, today() - 3 * DAY, today() - DAY)

    assert [day.value for day in days] == [500.0] * 3
    assert all(day.band and day.band.high < 100 for day in days)
    assert all(day.is_outside for day in days)


def test_a_report_that_is_deleted_while_it_is_asked_stops_no_other(
    watched: SavedReport, boss: Any
) -> None:
    day = watching.JudgedDay(today() - DAY, 1.0, None)
    SavedReport.objects.filter(pk=watched.pk).delete()

    assert watching._keep(watched.pk, [day]) == 0


def test_a_report_that_a_colleague_has_deleted_is_not_watched_or_replaced(
    report: SavedReport, boss: Any
) -> None:
    SavedReport.objects.filter(pk=report.pk).delete()

    with pytest.raises(Gone):
        watching.set_watcher(report, boss, is_watcher=True)
    with pytest.raises(Gone):
        replace_report(report, query=EVENTS, by=boss)

    assert not Watch.objects.exists()
