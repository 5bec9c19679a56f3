"""How models do, measured from the calls themselves: for the catalogue to show.

The last two days are counted anew each time, the days before are over. Times are those
of streams: a whole answer has no first token.
"""

from datetime import UTC, datetime, time, timedelta

from django.db import connection, transaction
from django.utils import timezone

from inference.catalog.models import Model, ModelDay, ModelFigures

# As long as providers tell of.
DAYS = 90
# A week has every hour of every day; more would show what was fixed since.
TIMED_DAYS = 7
# A call that ends after midnight is counted on the day it came; none takes a day.
OPEN_DAYS = 2

# What the model's servers, or we, owe an answer for; not what callers broke off or had
# refused, nor what a cache answered.
_COUNTED = """
INSERT INTO catalog_modelday AS kept (model, day, calls, unanswered)
SELECT model, (occurred_at AT TIME ZONE 'UTC')::date, count(*),
    count(*) FILTER (
        WHERE status IN ('upstream_error', 'timed_out', 'failed_mid_stream'))
FROM usage_usageevent WHERE occurred_at >= %s AND saved_nano IS NULL GROUP BY 1, 2
ON CONFLICT (model, day) DO UPDATE SET
    calls = excluded.calls, unanswered = excluded.unanswered
"""
_TIMED = """
SELECT model, count(*),
    percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY first_byte_ms),
    percentile_cont(0.5) WITHIN GROUP (
        ORDER BY tokens_out * 1000.0 / (total_ms - first_byte_ms))
        FILTER (WHERE total_ms > first_byte_ms AND tokens_out > 1)
FROM usage_usageevent
WHERE occurred_at >= %s AND is_stream AND status = 'ok' AND first_byte_ms IS NOT NULL
GROUP BY model
"""
_SUMMED = """
SELECT model, sum(calls), sum(unanswered) FROM catalog_modelday
WHERE day >= %s GROUP BY model
"""


@transaction.atomic
def measure_models() -> int:
    """Measure every model that is on the list; return how many there are."""
    now = timezone.now()
    first_day = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    days = OPEN_DAYS if ModelDay.objects.exists() else DAYS
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, [_start(now, days)])
        cursor.execute(_TIMED, [now - timedelta(days=TIMED_DAYS)])
        timed = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_SUMMED, [first_day])
        summed = {row[0]: (int(row[1]), int(row[2])) for row in cursor.fetchall()}
    models = Model.objects.filter(status=Model.Status.ACTIVE)
    figures = [
        _figures(model, now, timed.get(model.slug), summed.get(model.slug, (0, 0)))
        for model in models
    ]
    ModelFigures.objects.bulk_create(
        figures,
        update_conflicts=True,
        unique_fields=["model"],
        update_fields=[
            *("measured_at", "streams", "first_token_p50_ms", "first_token_p95_ms"),
            *("tokens_per_second", "calls", "unanswered"),
        ],
    )
    ModelDay.objects.filter(day__lt=first_day).delete()
    return len(figures)


def _start(now: datetime, days: int) -> datetime:
    """Return the midnight (UTC) that so many days begin with, today among them."""
    day = now.astimezone(UTC).date() - timedelta(days=days - 1)
    return datetime.combine(day, time.min, UTC)


def _figures(
    model: Model,
    now: datetime,
    timed: tuple[int, list[float], float | None] | None,
    summed: tuple[int, int],
) -> ModelFigures:
    streams, (median, slow), speed = timed or (0, (None, None), None)
    return ModelFigures(
        model=model,
        measured_at=now,
        streams=streams,
        first_token_p50_ms=None if median is None else round(median),
        first_token_p95_ms=None if slow is None else round(slow),
        tokens_per_second=None if speed is None else float(speed),
        calls=summed[0],
        unanswered=summed[1],
    )
