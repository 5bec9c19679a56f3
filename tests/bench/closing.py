"""How long a month takes to close: a million rows of usage, to statements and back.

    python -m tests.bench --only closing

A thousand organisations with a thousand rows of twenty models each; of two one has
tiers. What closing takes is measured, and working every line out again from the ledger;
covering the rows is noted beside it, since it happens twice a minute all month.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

from tests.bench.table import Figure, at_most, noted  # noqa: E402

T = TypeVar("T")
ORGANISATIONS, ROWS_EACH, MODELS = 1_000, 1_000, 20
QUICK_ORGANISATIONS = 5
# What a month may take to close and to be proved.
MOST_SECONDS = 30
START = datetime(2026, 3, 1, tzinfo=UTC)

_USAGE = """
INSERT INTO ledger_usagecost (organisation_id, model, edition, "window", revision,
    requests, tokens_in, tokens_out, price_nano, cost_nano, recorded_at, is_covered)
SELECT o.id, 'model-' || n %% %(models)s, 'premium',
    %(start)s + make_interval(mins => 40 * n), 1,
    10, 1000, 500, 40000000 + (n * 7919) %% 1000003, 1, now(), false
FROM accounts_organisation o, generate_series(1, %(rows)s) n
WHERE o.slug LIKE 'bench-%%'
"""


def measure(*, is_quick: bool = False) -> list[Figure]:
    """Return the figures of one month of everybody."""
    count = QUICK_ORGANISATIONS if is_quick else ORGANISATIONS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        prepare(stack, folder)
        fill(count)
        return list(_closed(count))


def prepare(stack: ExitStack, folder: Path) -> None:
    """Start servers of our own and make the tables."""
    from embedded.postgres import EmbeddedPostgres
    from embedded.redis import EmbeddedRedis

    postgres = EmbeddedPostgres(
        folder / "postgres", settings={"fsync": "off", "shared_buffers": "256MB"}
    )
    os.environ.update(
        DATABASE_URL=stack.enter_context(postgres).url(),
        REDIS_URL=stack.enter_context(EmbeddedRedis(folder / "redis")).url,
        DJANGO_SETTINGS_MODULE="config.settings.dev",
        DOORSTONE_DEVELOPMENT="1",
        DATABASE_SESSION="-c statement_timeout=0",
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def fill(count: int) -> None:
    """Write organisations that are charged beyond ten dollars, and what they used."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Organisation
    from billing.credits.models import ChargeCap
    from core.money import NANO
    from entitlements.features import Features
    from entitlements.models import OrganisationEntitlement
    from entitlements.usage_price import Mode, Tier, UsagePrice

    tiered = UsagePrice(
        mode=Mode.GRADUATED,
        tiers=(Tier(10 * NANO, 120), Tier(20 * NANO, 100), Tier(None, 80)),
    )
    features = Features(plan="pro", monthly_allowance_nano=10 * NANO)
    made = Organisation.objects.bulk_create(
        Organisation(slug=f"bench-{n}", name=f"Bench {n}", kind="team")
        for n in range(count)
    )
    OrganisationEntitlement.objects.bulk_create(
        OrganisationEntitlement(
            organisation=each,
            revision=1,
            plan="pro",
            features=features.to_dict(),
            overage_percent=0 if number % 2 else 120,
            overage_tiers=tiered.stored_tiers if number % 2 else None,
            computed_at=timezone.now(),
        )
        for number, each in enumerate(made)
    )
    ChargeCap.objects.bulk_create(
        ChargeCap(organisation=each, cap_nano=1_000 * NANO) for each in made
    )
    values: dict[str, Any] = {"start": START, "rows": ROWS_EACH, "models": MODELS}
    with connection.cursor() as cursor:
        cursor.execute(_USAGE, values)
        cursor.execute("ANALYZE")


def _closed(count: int) -> list[Figure]:
    from billing.credits.drawing import cover_everybody
    from billing.overage.closing import LAST_REPORTS, close_periods
    from billing.overage.comparing import recompute
    from billing.overage.models import Statement, StatementLine

    rows = count * ROWS_EACH
    covered, _ = _timed(cover_everybody)
    end = START + timedelta(days=31) + LAST_REPORTS
    closed, statements = _timed(lambda: close_periods(now=end))
    proved, differences = _timed(
        lambda: [
            difference
            for statement in Statement.objects.select_related("coverage").iterator()
            for difference in recompute(statement)
        ]
    )
    if len(statements) != count or differences:
        raise RuntimeError(f"{len(statements)} closed, {differences[:3]}")
    said = f"{rows:,} rows, {len(statements):,} statements"
    lines = f"{StatementLine.objects.count():,} lines"
    return [
        at_most(
            "closing",
            "a month closed and worked out again",
            closed + proved,
            MOST_SECONDS,
            unit="s",
            method=f"{said}, {lines}, no difference",
        ),
        noted("closing", "of it: closed", closed, unit="s", method=said),
        noted("closing", "of it: worked out again", proved, unit="s", method=lines),
        noted(
            "closing",
            "rows covered in a second",
            rows / covered,
            method="all month, in another place",
        ),
    ]


def _timed(act: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds something took, and what came of it."""
    started = time.perf_counter()
    found = act()
    return time.perf_counter() - started, found
