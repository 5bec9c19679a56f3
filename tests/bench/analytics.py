"""How fast the log is copied, and how fast a question that nobody asked is answered.

Two logs are made from seeds, by hashes and not by chance. The smaller one lies in a
real PostgreSQL and is fed from there; PostgreSQL answers the same question from it, and
both have to say the same. The larger one is fed from files, and answers alone.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.table import Figure, at_least, at_most, noted

if TYPE_CHECKING:
    from analytics.engines.duckdb import DuckDB
    from analytics.questions import Funnel

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "bench" / "analytics"
# 50 M events in three years are 4.1 M in ninety days: as many as a question reads.
ROWS, LOGGED = 5_000_000, 500_000
QUICK_ROWS, QUICK_LOGGED = 20_000, 5_000
START, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 90
UNSEEN_SECONDS, CACHED_MS, INGESTED, MEMORY_MB = 2.0, 100.0, 5_000.0, 500.0
# Of a thousand events so many have each name; the rest are page views.
NAMES = {
    "searched": 80,
    "playground_viewed": 40,
    "user_signed_up": 20,
    "email_verified": 20,
    "api_key_created": 15,
    "first_call_succeeded": 15,
    "checkout_started": 6,
    "invoice_paid": 4,
}
STEPS = (
    *("page_viewed", "user_signed_up", "api_key_created"),
    *("first_call_succeeded", "checkout_started"),
)


def measure(*, is_quick: bool = False) -> list[Figure]:
    """Return the figures of the feed, of both engines and of the larger log."""
    rows = QUICK_ROWS if is_quick else ROWS
    logged = QUICK_LOGGED if is_quick else LOGGED
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        prepare(stack, folder)
        return [*_both(logged), *_large(folder, rows)]


def prepare(stack: ExitStack, folder: Path) -> None:
    """Start the servers with an empty log."""
    from embedded.postgres import EmbeddedPostgres
    from embedded.redis import EmbeddedRedis

    postgres = EmbeddedPostgres(
        VAR / "postgres", settings={"fsync": "off", "shared_buffers": "256MB"}
    )
    os.environ.update(
        DATABASE_URL=stack.enter_context(postgres).url(),
        REDIS_URL=stack.enter_context(EmbeddedRedis(VAR / "redis")).url,
        DJANGO_SETTINGS_MODULE="config.settings.dev",
        DOORSTONE_DEVELOPMENT="1",
        DATABASE_SESSION="-c statement_timeout=0",
        ANALYTICS_DIR=str(folder / "small"),
    )
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE activity_event")


def _both(rows: int) -> list[Figure]:
    """Feed a log from PostgreSQL, and ask both the same."""
    from django.db import connection

    from analytics.engines import engine
    from analytics.feed import feed

    with connection.cursor() as cursor:
        cursor.execute(_log_in_postgres(rows))
        cursor.execute("VACUUM ANALYZE activity_event")
    begun = time.perf_counter()
    done = feed()
    took = time.perf_counter() - begun
    assert done is not None
    assert done.rows == rows
    question = _question(breakdown="")
    ours, duck = _timed(lambda: engine().answer(question))
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")
        theirs, postgres = _timed(lambda: _in_postgres(cursor))
    assert [step.count for step in ours.steps] == theirs
    method = f"{rows:,} events, 5 ordered steps, 30 days; median of 3, one run of both"
    return [
        at_least(
            "analytics",
            "feed",
            rows / took,
            INGESTED,
            unit="events/s",
            method=f"{rows:,} events from PostgreSQL into Parquet, one process",
        ),
        noted("analytics", "  read side", duck * 1000, unit="ms", method=method),
        noted("analytics", "  self-joins", postgres * 1000, unit="ms", method=method),
        noted("analytics", "  ratio", postgres / duck, unit="×", method="of the two"),
    ]


def _large(folder: Path, rows: int) -> list[Figure]:
    """Feed the larger log from files and ask what nobody asked before."""
    from django.conf import settings

    from analytics.asking import ask
    from analytics.engines.duckdb import DuckDB

    settings.ANALYTICS_DIR = folder / "large"
    keeper = DuckDB()
    took = _fill(keeper, folder, rows)
    method = f"{rows:,} events in {DAYS} days, {rows // 50:,} people"
    funnel = _question(breakdown="plan")
    _, unseen = _timed(lambda: keeper.answer(funnel))
    ask(funnel)
    _, cached = _timed(lambda: ask(funnel))
    # In kilobytes on Linux.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    others = [
        noted(
            "analytics",
            f"  {name}",
            _timed(lambda asked=question: keeper.answer(asked))[1],  # type: ignore[misc]
            unit="s",
            method=method,
        )
        for name, question in _others().items()
    ]
    size = keeper.state().size / 1_000_000
    return [
        at_most(
            "analytics",
            "unseen funnel",
            unseen,
            UNSEEN_SECONDS,
            unit="s",
            method=f"{method}; 5 steps, breakdown; median of 3",
        ),
        at_most(
            "analytics",
            "cached funnel",
            cached * 1000,
            CACHED_MS,
            unit="ms",
            method="the same question again",
        ),
        at_most(
            "analytics",
            "memory",
            memory,
            MEMORY_MB,
            unit="MB",
            method="the most this process held, feeding and asking included",
        ),
        *others,
        noted("analytics", "  files", size, unit="MB", method=method),
        noted("analytics", "  from files", rows / took, unit="events/s", method=method),
    ]


def _fill(keeper: "DuckDB", folder: Path, rows: int) -> float:
    """Make the log as CSV, some at a time, and feed it; return the seconds fed."""
    import duckdb

    from analytics.dictionary import dictionary
    from analytics.engines.protocol import Batch, Position

    file = folder / "batch.csv"
    took = 0.0
    step = min(rows, 500_000)
    for first in range(0, rows, step):
        duckdb.execute(
            f"COPY ({_log_in_duckdb(first, step, rows)}) TO '{file}' (HEADER false)"
        )
        since = Position(1, first) if first else Position()
        begun = time.perf_counter()
        keeper.feed(Batch(file, since, Position(1, first + step), step), dictionary())
        took += time.perf_counter() - begun
    keeper.complete(datetime.now(UTC))
    return took


def _question(*, breakdown: str, **more: Any) -> "Funnel":
    from analytics.questions import EventPattern, Funnel, Span

    return Funnel(
        steps=tuple(EventPattern(name) for name in STEPS),
        period=Span(START, START + timedelta(days=DAYS)),
        breakdown=breakdown,
        **more,
    )


def _others() -> dict[str, Any]:
    from analytics import questions as q

    span = q.Span(START, START + timedelta(days=DAYS))
    begin, back = q.EventPattern("user_signed_up"), q.EventPattern("page_viewed")
    return {
        "any entry": _question(breakdown="", order=q.Order.ANY_ENTRY),
        "in any order": _question(breakdown="", order=q.Order.UNORDERED),
        "strict order": _question(breakdown="", order=q.Order.STRICT),
        "trend": q.Trend(series=(q.Series(back),), period=span),
        "retention": q.Retention(begin=begin, back=back, period=span, as_of=span.end),
        "paths": q.Paths(start=begin, period=span),
    }


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    """Return what came of it, and the median of three runs in seconds."""
    spans = []
    for _ in range(3):
        begun = time.perf_counter()
        answer = act()
        spans.append(time.perf_counter() - begun)
    return answer, sorted(spans)[1]


def _name(number: str) -> str:
    """Return a name by a number from 0 to 999, in the SQL of both."""
    cases, end = [], 0
    for name, share in NAMES.items():
        end += share
        cases.append(f"WHEN {number} < {end} THEN '{name}'")
    return f"CASE {' '.join(cases)} ELSE 'page_viewed' END"


def _log_in_postgres(rows: int) -> str:
    # A number that looks random and is the same each time.
    draw = "abs(hashint8extended(n, {seed}) % {most})".format
    seconds = DAYS * 86_400
    return f"""
        INSERT INTO activity_event
            (occurred_at, name, user_id, path, source, properties)
        SELECT timestamptz '{START.isoformat()}'
               + make_interval(secs => {draw(seed=1, most=seconds)}),
               {_name(draw(seed=2, most=1000))}, {draw(seed=3, most=rows // 50)} + 1,
               '/docs/' || {draw(seed=4, most=500)}, 'web',
               jsonb_build_object('plan', 'plan-' || {draw(seed=5, most=8)})
        FROM generate_series(1, {rows}) AS n
    """


def _log_in_duckdb(first: int, count: int, rows: int) -> str:
    draw = "(hash(n * 10 + {seed}) % {most})::BIGINT".format
    start = int(START.timestamp() * 1_000_000)
    seconds = DAYS * 86_400
    return f"""
        SELECT n, {start} + {draw(seed=1, most=seconds)} * 1000000,
               {_name(draw(seed=2, most=1000))}, {draw(seed=3, most=rows // 50)} + 1,
               NULL, '', '/docs/' || {draw(seed=4, most=500)}, 'web',
               '{{"plan": "plan-' || {draw(seed=5, most=8)} || '"}}'
        FROM range({first + 1}, {first + count + 1}) AS t(n)
    """


def _in_postgres(cursor: Any) -> list[int]:
    """Return the counts by joining the log with itself, a step at a time."""
    parts = [
        f"""s0 AS (
            SELECT DISTINCT ON (user_id) user_id, occurred_at AS entered, occurred_at, id
            FROM activity_event WHERE name = '{STEPS[0]}'
              AND occurred_at >= '{START.isoformat()}'
              AND occurred_at < '{(START + timedelta(days=DAYS)).isoformat()}'
            ORDER BY user_id, occurred_at, id)"""
    ]
    parts += [
        f"""s{number} AS (
            SELECT DISTINCT ON (e.user_id) e.user_id, p.entered, e.occurred_at, e.id
            FROM s{number - 1} p JOIN activity_event e
              ON e.user_id = p.user_id AND e.name = '{name}'
             AND (e.occurred_at, e.id) > (p.occurred_at, p.id)
             AND e.occurred_at <= p.entered + interval '30 days'
            ORDER BY e.user_id, e.occurred_at, e.id)"""
        for number, name in enumerate(STEPS)
        if number
    ]
    counts = ", ".join(f"(SELECT count(*) FROM s{n})" for n in range(len(STEPS)))
    cursor.execute(f"WITH {', '.join(parts)} SELECT {counts}")
    return [int(count) for count in cursor.fetchone()]
