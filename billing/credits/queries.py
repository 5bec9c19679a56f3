"""What the pages and the REST API of credit show."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone

from billing.credits.lines import credit_left
from billing.credits.models import Coverage, CreditEntry
from entitlements.queries import entitlements_for, terms_for

ENTRY_COLUMNS = (
    *("at", "credit", "kind", "movement", "amount_nano_usd", "balance_nano_usd"),
    *("usage_month", "reason"),
)
# Rows held at a time while a file is written: about a megabyte.
CHUNK = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditState:
    """An organisation's credit and how this period is covered, in billionths.

    ``used_nano`` is ``from_allowance_nano + from_credit_nano + charged_nano +
    uncovered_nano``. ``month`` is the one in which the period began.
    """

    left_nano: int
    month: date
    starts_at: datetime
    ends_at: datetime
    used_nano: int
    allowance_nano: int
    from_allowance_nano: int
    from_credit_nano: int
    charged_nano: int
    uncovered_nano: int


def running_coverage(organisation_id: int) -> Coverage:
    """Return the period that runs; unsaved where nothing was used in it."""
    moment = timezone.now()
    own = Coverage.objects.filter(organisation_id=organisation_id)
    found = own.containing(moment).first()
    if found is not None:
        return found
    period = terms_for(organisation_id).period_of(moment)
    before = own.filter(ends_at__gt=period.starts_at).order_by("-ends_at").first()
    starts_at = max(period.starts_at, before.ends_at) if before else period.starts_at
    return Coverage(
        organisation_id=organisation_id,
        starts_at=starts_at,
        ends_at=period.ends_at,
        month=starts_at.astimezone(UTC).date().replace(day=1),
    )


def credit_state(organisation_id: int) -> CreditState:
    """Return what is left and what covered this period. Five queries at most."""
    row = running_coverage(organisation_id)
    return CreditState(
        left_nano=credit_left(organisation_id),
        month=row.month,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        used_nano=row.used_nano,
        allowance_nano=entitlements_for(organisation_id).monthly_allowance_nano,
        from_allowance_nano=row.from_allowance_nano,
        from_credit_nano=row.from_credit_nano,
        charged_nano=row.charged_nano,
        uncovered_nano=row.uncovered_nano,
    )


def entry_rows(organisation_id: int) -> Iterator[tuple[Any, ...]]:
    """Yield every entry as ``ENTRY_COLUMNS``, the oldest first."""
    entries = CreditEntry.objects.filter(organisation_id=organisation_id)
    for entry in (
        entries.select_related("grant").order_by("pk").iterator(chunk_size=CHUNK)
    ):
        yield (
            entry.at,
            entry.grant.public_id,
            entry.grant.kind,
            entry.kind,
            entry.delta_nano,
            entry.balance_nano,
            entry.month and f"{entry.month:%Y-%m}",
            entry.reason,
        )
