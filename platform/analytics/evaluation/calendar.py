"""Days, weeks and months of a time zone, and when its clocks change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analytics.evaluation.moments import to_micros
from analytics.questions import Bucket, Span

_SECOND = timedelta(seconds=1)


def bucket_of(day: date, bucket: Bucket) -> date:
    """Return the first day of the bucket that a day lies in."""
    if bucket == Bucket.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if bucket == Bucket.MONTH else day


def following(first: date, bucket: Bucket, count: int = 1) -> date:
    """Return the first day of the bucket so many after the one that begins then."""
    if bucket == Bucket.MONTH:
        months = first.year * 12 + first.month - 1 + count
        return date(months // 12, months % 12 + 1, 1)
    days = 7 if bucket == Bucket.WEEK else 1
    return first + timedelta(days=days * count)


def distance(first: date, last: date, bucket: Bucket) -> int:
    """Return how many buckets lie between two that begin on these days."""
    if bucket == Bucket.MONTH:
        return (last.year - first.year) * 12 + last.month - first.month
    return (last - first).days // (7 if bucket == Bucket.WEEK else 1)


def buckets_of(span: Span, bucket: Bucket, zone: ZoneInfo) -> list[date]:
    """Return the first day of every bucket that a span touches."""
    first = bucket_of(span.start.astimezone(zone).date(), bucket)
    last = (span.end - timedelta(microseconds=1)).astimezone(zone).date()
    found = [first]
    while (after := following(found[-1], bucket)) <= last:
        found.append(after)
    return found


def begins(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of a day."""
    return datetime.combine(day, time.min, zone)


def offsets(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[int, int]]:
    """Return from which moment on clocks are ahead of UTC by how much.

    Both are in microseconds. The first entry holds from ``start`` on, and before.
    """
    moments = [start, *_changes(start, end, zone)]
    return [(to_micros(moment), _ahead(moment, zone)) for moment in moments]


def _changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the moments at which clocks change, to the second."""
    at = start.astimezone(UTC)
    while at < end:
        after = min(at + timedelta(days=1), end.astimezone(UTC))
        if _ahead(at, zone) != _ahead(after, zone):
            before, since = at, after
            while since - before > _SECOND:
                middle = before + (since - before) // 2
                is_before = _ahead(middle, zone) == _ahead(before, zone)
                before, since = (middle, since) if is_before else (before, middle)
            # Clocks change at a whole second.
            yield since.replace(microsecond=0)
        at = after


def _ahead(moment: datetime, zone: ZoneInfo) -> int:
    ahead = moment.astimezone(zone).utcoffset() or timedelta()
    return ahead // timedelta(microseconds=1)
