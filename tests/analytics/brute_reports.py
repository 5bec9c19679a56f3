"""Trends, retention, paths and segments, said in plain loops."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from analytics.questions import (
    Bucket,
    EventPattern,
    Paths,
    Retention,
    Segment,
    Series,
    SeriesMeasure,
    Span,
    Trend,
)
from tests.analytics.brute import Done, fits, text_of


def bucket_at(moment: datetime, bucket: Bucket, zone: ZoneInfo) -> date:
    day = moment.astimezone(zone).date()
    if bucket == Bucket.WEEK:
        while day.isoweekday() != 1:
            day -= timedelta(days=1)
    if bucket == Bucket.MONTH:
        while day.day != 1:
            day -= timedelta(days=1)
    return day


def next_bucket(first: date, bucket: Bucket) -> date:
    day = first + timedelta(days=1)
    while bucket == Bucket.WEEK and day.isoweekday() != 1:
        day += timedelta(days=1)
    while bucket == Bucket.MONTH and day.day != 1:
        day += timedelta(days=1)
    return day


def inside(log: Sequence[Done], span: Span, pattern: EventPattern) -> list[Done]:
    found = [e for e in log if span.start <= e.at < span.end and fits(e, pattern)]
    return sorted(found, key=lambda event: event.place)


def trend_of(
    trend: Trend, series: Series, log: Sequence[Done], zone: ZoneInfo
) -> list[tuple[date, float]]:
    found = []
    day = bucket_at(trend.period.start, trend.bucket, zone)
    while datetime(day.year, day.month, day.day, tzinfo=zone) < trend.period.end:
        events = [
            event
            for event in inside(log, trend.period, series.step)
            if bucket_at(event.at, trend.bucket, zone) == day
        ]
        found.append((day, measured(series, events)))
        day = next_bucket(day, trend.bucket)
    return found


def measured(series: Series, events: Sequence[Done]) -> float:
    if series.measure == SeriesMeasure.EVENTS:
        return float(len(events))
    if series.measure == SeriesMeasure.UNITS:
        return float(len({event.unit for event in events}))
    return float(sum(amounts(series.of, events)))


def amounts(name: str, events: Sequence[Done]) -> Iterator[Decimal]:
    for event in events:
        try:
            yield Decimal(text_of(event, name) or "")
        except InvalidOperation:
            continue


def retention_of(
    question: Retention, log: Sequence[Done], zone: ZoneInfo
) -> dict[date, tuple[int, list[int | None]]]:
    cohorts = defaultdict(set)
    for unit in {event.unit for event in log}:
        own = [event for event in log if event.unit == unit]
        begun = inside(own, question.period, question.begin)
        if begun:
            cohorts[bucket_at(begun[0].at, question.bucket, zone)].add(unit)
    found = {}
    for first, units in cohorts.items():
        counts: list[int | None] = []
        day = first
        for _ in range(question.buckets):
            day = next_bucket(day, question.bucket)
            over = next_bucket(day, question.bucket)
            back = {
                event.unit
                for event in log
                if event.unit in units
                and question.period.start <= event.at < question.as_of
                and fits(event, question.back)
                and bucket_at(event.at, question.bucket, zone) == day
            }
            is_over = datetime(over.year, over.month, over.day, tzinfo=zone)
            counts.append(len(back) if is_over <= question.as_of else None)
        found[first] = (len(units), counts)
    return found


def paths_of(question: Paths, log: Sequence[Done]) -> Counter[tuple[int, str, str]]:
    found: Counter[tuple[int, str, str]] = Counter()
    for unit in {event.unit for event in log}:
        own = [event for event in log if event.unit == unit]
        starts = inside(own, question.period, question.start)
        if not starts:
            continue
        names: list[str] = []
        last = starts[0].at
        for event in sorted(own, key=lambda each: each.place):
            if event.place < starts[0].place or event.at >= question.period.end:
                continue
            if event.at - last > question.rest:
                break
            last = event.at
            path = event.properties.get("path", "")
            name = path if event.name == "page_viewed" and path else event.name
            if not names or names[-1] != name:
                names.append(name)
        names = names[: question.length]
        for depth, (source, target) in enumerate(
            zip(names, [*names[1:], ""], strict=True), start=1
        ):
            if depth < question.length:
                found[depth, source, target] += 1
    return found


def members_of(segment: Segment, log: Sequence[Done]) -> set[int]:
    return {
        unit for unit in {event.unit for event in log} if belongs(segment, unit, log)
    }


def belongs(segment: Segment, unit: int, log: Sequence[Done]) -> bool:
    kept = []
    for rule in segment.rules:
        count = sum(
            event.unit == unit
            and event.at < segment.as_of
            and (
                rule.days is None
                # Days of 24 hours: in a zone, a day may have 23 or 25.
                or segment.as_of.astimezone(UTC) - event.at <= timedelta(days=rule.days)
            )
            and fits(event, rule.step)
            for event in log
        )
        kept.append((count >= rule.least) != rule.is_negated)
    return all(kept) if segment.matches_all else any(kept)
