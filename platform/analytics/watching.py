"""Telling staff when a series leaves its band: once for each time it does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from analytics.answers import TrendAnswer
from analytics.asking import ask
from analytics.engines import engine
from analytics.engines.protocol import NoAnswer
from analytics.evaluation.band import WEEK, WEEKS, Band, Nature, band_of
from analytics.forms import midnight, today
from analytics.models import SavedReport, Watch, Watcher
from analytics.questions import Bucket, Formula, Question, SeriesMeasure, Span, Trend
from analytics.saved import question_of
from core.errors import DomainError
from notifications.fan_out import notify_all
from notifications.models import Kind

DAY = timedelta(days=1)
# A worker that stood still for a week looks at that week; older leavings are no news.
MOST_DAYS = 7


class NotWatchable(DomainError):
    """A report has no single series that could leave a band."""

    code = "not_watchable"
    status = 409
    message = _("Only a trend of one series, or of a formula, can be watched.")


@dataclass(frozen=True, slots=True)
class JudgedDay:
    """A day of a watched series; ``band`` is missing while too few days are known."""

    on: date
    value: float | None
    band: Band | None

    @property
    def is_outside(self) -> bool:
        if self.value is None or self.band is None:
            return False
        return not self.band.holds(self.value)


def is_watchable(question: Question | None) -> bool:
    """Tell whether a question has one series: a formula's, or its only one."""
    if not isinstance(question, Trend):
        return False
    return bool(question.formula) or (
        len(question.series) == 1 and not question.breakdown
    )


@transaction.atomic
def set_watcher(report: SavedReport, user: User, *, is_watcher: bool) -> None:
    """Tell a member of the staff of a report's series, from tomorrow's look on.

    Raises ``NotWatchable`` and ``Gone``.
    """
    SavedReport.objects.locked(report.pk)
    if not is_watcher:
        Watcher.objects.filter(watch=report.pk, user=user).delete()
        return
    if not is_watchable(question_of(report)):
        raise NotWatchable
    watch, _is_new = Watch.objects.get_or_create(
        report=report, defaults={"judged_on": today() - DAY}
    )
    Watcher.objects.get_or_create(watch=watch, user=user)


def restart_watch(report: SavedReport) -> None:
    """Begin anew for a report that asks something else now, or end its watch."""
    watch = Watch.objects.filter(report=report)
    if is_watchable(question_of(report)):
        watch.update(judged_on=today() - DAY, outside_since=None)
    else:
        watch.delete()


def judge_watches() -> int:
    """Judge the days that are over, of every watched series; return how many left.

    Nothing is judged before the read side has all of yesterday.
    """
    complete_at = engine().state().complete_at
    if complete_at is None or complete_at < midnight(today()):
        return 0
    watched = Watch.objects.filter(watchers__isnull=False).distinct()
    return sum(_judge(watch) for watch in watched.select_related("report"))


def _judge(watch: Watch) -> int:
    yesterday = today() - DAY
    if watch.judged_on >= yesterday:
        return 0
    question = question_of(watch.report)
    if not isinstance(question, Trend) or not is_watchable(question):
        return 0
    first = max(watch.judged_on + DAY, yesterday - (MOST_DAYS - 1) * DAY)
    try:
        days = judged_days(question, first, yesterday)
    except NoAnswer:
        return 0
    return _keep(watch.pk, days)


@transaction.atomic
def _keep(report_id: int, days: Sequence[JudgedDay]) -> int:
    """Write down what the days were and tell of each leaving.

    The row is locked: of two workers the second finds the days judged. A report that
    was deleted while its question was asked has nothing to tell.
    """
    locked = Watch.objects.select_for_update(of=("self",)).select_related("report")
    watch = locked.filter(pk=report_id).first()
    if watch is None:
        return 0
    left = 0
    for day in days:
        if day.on <= watch.judged_on:
            continue
        watch.judged_on = day.on
        if not day.is_outside:
            # Without a value or a band nobody knows: it stays what it was.
            if day.value is not None and day.band is not None:
                watch.outside_since = None
            continue
        if watch.outside_since is None:
            watch.outside_since = day.on
            _notify(watch, day)
            left += 1
    watch.save(update_fields=["judged_on", "outside_since"])
    return left


def judged_days(question: Trend, first: date, last: date) -> list[JudgedDay]:
    """Return the days from ``first`` to ``last`` beside what they were expected to be.

    Whatever the report divides its period by, days are judged, each by the weeks before
    it. Raises ``NoAnswer``.
    """
    begin = first - WEEKS * WEEK * DAY
    daily = replace(
        question,
        period=Span(midnight(begin), midnight(last + DAY)),
        bucket=Bucket.DAY,
        average=1,
    )
    answer = ask(daily)
    assert isinstance(answer, TrendAnswer)  # noqa: S101 - a trend was asked
    line = answer.formula or answer.lines[0]
    values = dict(zip(answer.buckets, line.values, strict=True))
    # What was before the first event of all is not known to have been nothing.
    known = next((day for day in answer.buckets if values[day]), last + DAY)
    nature = nature_of(question)
    found = []
    for number in range((last - first).days + 1):
        on = first + number * DAY
        past = [
            values.get(on - back * DAY)
            for back in range(min(WEEKS * WEEK, (on - known).days), 0, -1)
        ]
        band = band_of(past, nature)
        found.append(JudgedDay(on, values.get(on), band))
    return found


def nature_of(question: Trend) -> Nature:
    """Return on which scale a series varies."""
    if question.formula in {Formula.RATIO, Formula.DIFFERENCE}:
        return Nature.RATIO if question.formula == Formula.RATIO else Nature.AMOUNT
    if any(series.measure == SeriesMeasure.SUM for series in question.series):
        return Nature.AMOUNT
    return Nature.COUNT


def _notify(watch: Watch, day: JudgedDay) -> None:
    report, band = watch.report, day.band
    if band is None or day.value is None:
        return
    value = day.value

    def title() -> str:
        return gettext("“%(name)s” has left its band") % {"name": report.name}

    def body() -> str:
        return gettext(
            "%(day)s: %(value)s. By the same weekdays of the weeks before, %(low)s to"
            " %(high)s is usual."
        ) % {
            "day": date_format(day.on),
            "value": _written(value),
            "low": _written(band.low),
            "high": _written(band.high),
        }

    watchers = User.objects.filter(
        pk__in=watch.watchers.values("user"), is_staff=True, is_active=True
    )
    notify_all(
        watchers,
        Kind.FIGURES,
        dedupe_key=f"band:{report.pk}:{day.on}",
        url=reverse("analytics:report", args=[report.public_id]),
        title=title,
        body=body,
        about=("report", report.pk),
    )


def _written(value: float) -> str:
    places = 0 if value == round(value) or abs(value) >= 100 else 2
    return number_format(value, places, force_grouping=True)
