"""What must be true of usage at any time: the meter proves itself."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import connection

# Each returns the rows that break its rule: whose, which, what is wrong. ``since`` is
# the start of an hour (UTC).
Check = Callable[[datetime], Iterator[str]]

_HOURS = """
WITH calls AS (
    SELECT organisation_id, model, key_id, date_trunc('hour', occurred_at, 'UTC') AS hour,
        count(*) AS requests, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out,
        sum(price_nano) AS price_nano, sum(cost_nano) AS cost_nano
    FROM usage_usageevent WHERE occurred_at >= %(since)s GROUP BY 1, 2, 3, 4
), entries AS (
    SELECT e.organisation_id, e.model, e.key_id,
        date_trunc('hour', e.occurred_at, 'UTC') AS hour,
        sum(c.tokens_in) AS tokens_in, sum(c.tokens_out) AS tokens_out,
        sum(c.price_nano) AS price_nano, sum(c.cost_nano) AS cost_nano
    FROM usage_usagecorrection c JOIN usage_usageevent e ON e.request_id = c.event_id
    WHERE e.occurred_at >= %(since)s GROUP BY 1, 2, 3, 4
), hours AS (
    SELECT * FROM usage_usagehour WHERE hour >= %(since)s
)
SELECT coalesce(h.organisation_id, c.organisation_id), coalesce(h.model, c.model),
    coalesce(h.hour, c.hour),
    coalesce(c.price_nano, 0) + coalesce(x.price_nano, 0), h.price_nano
FROM calls c
FULL JOIN hours h ON h.organisation_id = c.organisation_id AND h.model = c.model
    AND h.hour = c.hour AND h.key_id IS NOT DISTINCT FROM c.key_id
LEFT JOIN entries x ON x.organisation_id = h.organisation_id AND x.model = h.model
    AND x.hour = h.hour AND x.key_id IS NOT DISTINCT FROM h.key_id
WHERE h.id IS NULL OR c.requests IS NULL OR h.requests <> c.requests
    OR h.tokens_in <> c.tokens_in + coalesce(x.tokens_in, 0)
    OR h.tokens_out <> c.tokens_out + coalesce(x.tokens_out, 0)
    OR h.price_nano <> c.price_nano + coalesce(x.price_nano, 0)
    OR h.cost_nano <> c.cost_nano + coalesce(x.cost_nano, 0)
"""

_MONTHS = """
SELECT m.organisation_id, m.month, m.price_nano, h.price_nano
FROM usage_organisationmonth m LEFT JOIN (
    SELECT organisation_id, date_trunc('month', hour AT TIME ZONE 'UTC')::date AS month,
        sum(requests) AS requests, sum(price_nano) AS price_nano,
        sum(cost_nano) AS cost_nano
    FROM usage_usagehour GROUP BY 1, 2
) h USING (organisation_id, month)
WHERE m.month >= date_trunc('month', %(since)s AT TIME ZONE 'UTC')::date
    AND (h.requests IS NULL OR (m.requests, m.price_nano, m.cost_nano)
        <> (h.requests, h.price_nano, h.cost_nano))
"""

# Rates are for a million tokens, rounded up. A call with parts of their own price, or
# one from before they were noted, is told apart by them. A price list takes off rates.
_PRICES = """
SELECT e.request_id, e.price_nano, right_price.nano
FROM usage_usageevent e JOIN catalog_priceversion p ON p.id = e.price_version_id
CROSS JOIN LATERAL (SELECT ceil((
    (e.tokens_in - e.tokens_cached) * floor(p.price_in::numeric
        * (10000 - e.discount_bps) / 10000)
    + e.tokens_cached * floor(p.price_cached_in::numeric
        * (10000 - e.discount_bps) / 10000)
    + e.tokens_out * floor(p.price_out::numeric
        * (10000 - e.discount_bps) / 10000)
) / 1000000) AS nano) right_price
WHERE e.occurred_at >= %(since)s AND e.parts IS NULL
    AND e.price_nano <> right_price.nano
"""

# The prompt is held by an estimate and billed as counted, the one tolerance; all that
# is above its price was held to the last token.
_HOLDS = """
SELECT e.request_id, e.price_nano, e.held_nano
FROM usage_usageevent e JOIN catalog_priceversion p ON p.id = e.price_version_id
WHERE e.occurred_at >= %(since)s AND e.held_nano > 0 AND e.price_nano > e.held_nano
    + ceil(e.tokens_in::numeric * greatest(p.price_in, p.price_cached_in,
        p.price_cache_write_in, p.price_audio_in, p.price_image_in)
        * (10000 - e.discount_bps) / 10000 / 1000000)
"""


def hours_are_their_calls(since: datetime) -> Iterator[str]:
    """An hour is the sum of its calls and of what was corrected of them."""
    for organisation, model, hour, calls, told in _rows(_HOURS, since):
        yield f"organisation {organisation} {model} {hour}: calls {calls}, hour {told}"


def months_are_their_hours(since: datetime) -> Iterator[str]:
    """A month is the sum of its hours."""
    for organisation, month, told, hours in _rows(_MONTHS, since):
        yield f"organisation {organisation} {month}: month {told}, hours {hours}"


def prices_are_of_their_version(since: datetime) -> Iterator[str]:
    """A call costs what its tokens cost at the price that was in force."""
    for request, told, right in _rows(_PRICES, since):
        yield f"{request}: {told}, expected {right}"


def calls_stay_within_what_they_held(since: datetime) -> Iterator[str]:
    """No call costs more than it held, but for the count of its prompt."""
    for request, price, held in _rows(_HOLDS, since):
        yield f"{request}: {price}, held {held}"


def _rows(sql: str, since: datetime) -> Iterator[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"since": since})
        yield from cursor.fetchall()


CHECKS: tuple[Check, ...] = (
    hours_are_their_calls,
    months_are_their_hours,
    prices_are_of_their_version,
    calls_stay_within_what_they_held,
)
