"""Writing usage: one statement for a batch of calls, each call counted once.

The insert decides which rows are new, and only those move the hour, the month
and each person's first call. A second delivery of the same request changes nothing. The
statement is plain SQL because both the gateway (async) and the sweeper (Celery)
run it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One finished call. Money in billionths of a dollar."""

    request_id: str
    occurred_at: datetime
    organisation_id: int
    key_id: int | None
    model: str
    edition: str
    price_version_id: int
    status: str
    is_stream: bool
    is_estimated: bool
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    price_nano: int
    cost_nano: int
    first_byte_ms: int | None
    total_ms: int
    client_request_id: str = ""
    error_code: str = ""
    deployment_id: int | None = None
    attempts: int = 0
    upstream_status: int | None = None
    parts: dict[str, int] | None = None
    doubt: str = ""
    held_nano: int = 0
    answered_by: str = ""
    saved_nano: int | None = None
    price_list_id: int | None = None
    discount_bps: int = 0


_COLUMNS: tuple[tuple[str, str], ...] = (
    ("request_id", "text"),
    ("occurred_at", "timestamptz"),
    ("organisation_id", "bigint"),
    ("key_id", "bigint"),
    ("model", "text"),
    ("edition", "text"),
    ("price_version_id", "bigint"),
    ("status", "text"),
    ("is_stream", "boolean"),
    ("is_estimated", "boolean"),
    ("tokens_in", "int"),
    ("tokens_cached", "int"),
    ("tokens_out", "int"),
    ("price_nano", "bigint"),
    ("cost_nano", "bigint"),
    ("first_byte_ms", "int"),
    ("total_ms", "int"),
    ("client_request_id", "text"),
    ("error_code", "text"),
    ("deployment_id", "bigint"),
    ("attempts", "smallint"),
    ("upstream_status", "smallint"),
    ("parts", "jsonb"),
    ("doubt", "text"),
    ("held_nano", "bigint"),
    ("answered_by", "text"),
    ("saved_nano", "bigint"),
    ("price_list_id", "bigint"),
    ("discount_bps", "smallint"),
)
_NAMES = ", ".join(name for name, _ in _COLUMNS)
_TYPED = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS)

# Rows are taken in a fixed order so that two gateways never wait for each other
# in a circle.
RECORD = f"""
WITH fresh AS (
    INSERT INTO usage_usageevent ({_NAMES})
    SELECT {_NAMES} FROM jsonb_to_recordset(%s::jsonb) AS batch ({_TYPED})
    ORDER BY organisation_id, request_id
    ON CONFLICT (request_id) DO NOTHING
    RETURNING *
), hours AS (
    INSERT INTO usage_usagehour AS kept (organisation_id, key_id, model, edition,
        hour, requests, failures, tokens_in, tokens_out, price_nano, cost_nano,
        is_reported)
    SELECT organisation_id, key_id, model, min(edition),
        date_trunc('hour', occurred_at, 'UTC'), count(*),
        count(*) FILTER (WHERE status <> 'ok'), sum(tokens_in), sum(tokens_out),
        sum(price_nano), sum(cost_nano), false
    FROM fresh GROUP BY 1, 2, 3, 5 ORDER BY 1, 2, 3, 5
    ON CONFLICT (organisation_id, model, hour, key_id) DO UPDATE SET
        requests = kept.requests + excluded.requests,
        failures = kept.failures + excluded.failures,
        tokens_in = kept.tokens_in + excluded.tokens_in,
        tokens_out = kept.tokens_out + excluded.tokens_out,
        price_nano = kept.price_nano + excluded.price_nano,
        cost_nano = kept.cost_nano + excluded.cost_nano,
        is_reported = false
), months AS (
    INSERT INTO usage_organisationmonth AS kept
        (organisation_id, month, requests, price_nano, cost_nano)
    SELECT organisation_id, date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date,
        count(*), sum(price_nano), sum(cost_nano)
    FROM fresh GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (organisation_id, month) DO UPDATE SET
        requests = kept.requests + excluded.requests,
        price_nano = kept.price_nano + excluded.price_nano,
        cost_nano = kept.cost_nano + excluded.cost_nano
), firsts AS (
    INSERT INTO usage_personal_first_call
        (organisation_id, user_id, key_id, model, at, is_announced)
    SELECT DISTINCT ON (fresh.organisation_id, key.created_by_id)
        fresh.organisation_id, key.created_by_id, fresh.key_id, fresh.model,
        fresh.occurred_at, false
    FROM fresh LEFT JOIN keys_apikey key ON key.id = fresh.key_id
    WHERE fresh.status = 'ok'
    ORDER BY fresh.organisation_id, key.created_by_id, fresh.occurred_at
    ON CONFLICT (organisation_id, user_id) DO NOTHING
)
SELECT request_id FROM fresh
"""  # noqa: S608 - every name is one of ours


def record_parameters(batch: Sequence[Usage]) -> list[str]:
    """Return what ``RECORD`` takes for a batch.

    One document instead of an array for each column: writing those took a gateway
    longer than the call they were about.
    """
    return [orjson.dumps(batch).decode()]


def record(batch: Sequence[Usage]) -> set[str]:
    """Write a batch through Django's connection; return the ids that were new."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(RECORD, record_parameters(batch))
        return {row[0] for row in cursor.fetchall()}
