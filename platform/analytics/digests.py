"""A dashboard's week as a letter, to the staff who want it."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext

from accounts.models import User
from analytics.answers import (
    FunnelAnswer,
    RetentionAnswer,
    SegmentAnswer,
    TrendAnswer,
)
from analytics.asking import ask
from analytics.dashboards import MOST_TILES, monday_of
from analytics.engines.placing import zone
from analytics.engines.protocol import NoAnswer
from analytics.forms import midnight
from analytics.models import Dashboard, DashboardReader
from analytics.questions import Bucket, Question, Span, Trend
from analytics.saved import SavedAnswer, answer_saved
from analytics.tables import drawn_lines
from notifications.fan_out import notify_all
from notifications.models import Kind

# A letter is of one week, beside the one before it.
WEEK = timedelta(days=7)
# By then last night's work is done and nobody is at their desk yet.
MORNING = time(7)


def send_digests(*, now: datetime | None = None) -> int:
    """Send what is due of this week's letters; return how many people were told.

    A worker that stood still on Monday catches up on the days after it.
    """
    moment = (now or timezone.now()).astimezone(zone())
    monday = monday_of(moment.date())
    if moment < datetime.combine(monday, MORNING, zone()):
        return 0
    due = Dashboard.objects.filter(readers__sent_for__lt=monday).distinct()
    return sum(_send(dashboard, monday) for dashboard in due.order_by("pk"))


def _send(dashboard: Dashboard, monday: date) -> int:
    # The answers before the transaction: a question may take seconds.
    tiles = dashboard.tiles.select_related("report")[:MOST_TILES]
    answers = [_weekly(answer_saved(tile.report), monday) for tile in tiles]
    with transaction.atomic():
        readers = DashboardReader.objects.select_for_update().filter(
            dashboard=dashboard, sent_for__lt=monday
        )
        due = [reader.pk for reader in readers.order_by("pk")]
        told = notify_all(
            User.objects.filter(
                pk__in=readers.values("user"), is_staff=True, is_active=True
            ),
            Kind.FIGURES,
            dedupe_key=f"dashboard:{dashboard.pk}:{monday}",
            url=reverse("analytics:dashboard", args=[dashboard.public_id]),
            title=lambda: _title(dashboard, monday),
            body=lambda: "\n".join(line for each in answers for line in lines_of(each)),
            about=("dashboard", dashboard.pk),
        )
        DashboardReader.objects.filter(pk__in=due).update(sent_for=monday)
    return told


def _title(dashboard: Dashboard, monday: date) -> str:
    return gettext("“%(name)s”: the week from %(day)s") % {
        "name": dashboard.name,
        "day": date_format(monday - WEEK),
    }


def _weekly(saved: SavedAnswer, monday: date) -> SavedAnswer:
    """Let a trend say the last two whole weeks, whatever its own period is."""
    if not isinstance(saved.question, Trend) or saved.answer is None:
        return saved
    question = replace(
        saved.question,
        period=Span(midnight(monday - 2 * WEEK), midnight(monday)),
        bucket=Bucket.WEEK,
        average=1,
    )
    try:
        return replace(saved, question=question, answer=ask(question))
    except NoAnswer:
        return replace(saved, answer=None)


def lines_of(saved: SavedAnswer) -> list[str]:
    """Return what a letter says of a report, in the language that is active."""
    answer, name = saved.answer, saved.report.name
    if answer is None:
        return [gettext("%(name)s: no answer just now") % {"name": name}]
    if isinstance(answer, TrendAnswer):
        return _trend_lines(name, saved.question, answer)
    if isinstance(answer, FunnelAnswer):
        first, last = answer.steps[0].count, answer.steps[-1].count
        share = f"{last / first:.1%}" if first else "–"
        return [
            gettext("%(name)s: %(last)s of %(first)s came to the end (%(share)s)")
            % {
                "name": name,
                "last": _whole(last),
                "first": _whole(first),
                "share": share,
            }
        ]
    if isinstance(answer, RetentionAnswer):
        back = answer.pooled[0] if answer.pooled else None
        share = "–" if back is None else f"{back:.1%}"
        return [
            gettext("%(name)s: %(share)s came back in the period after")
            % {"name": name, "share": share}
        ]
    if isinstance(answer, SegmentAnswer):
        return [f"{name}: {_whole(answer.count)}"]
    return [name]


def _trend_lines(
    name: str, question: Question | None, answer: TrendAnswer
) -> list[str]:
    assert isinstance(question, Trend)  # noqa: S101 - its answer is a trend's
    found = []
    for label, line in drawn_lines(question, answer):
        before, now = line.values[0], line.values[-1]
        title = f"{name} ({label})" if len(answer.lines) > 1 else name
        found.append(
            gettext("%(name)s: %(now)s, %(before)s the week before")
            % {"name": title, "now": _number(now), "before": _number(before)}
        )
    return found


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return _whole(value) if value == round(value) else number_format(value, 2)


def _whole(value: float) -> str:
    return number_format(value, 0, force_grouping=True)
