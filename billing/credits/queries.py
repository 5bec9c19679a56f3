"""What the pages and the REST API of credit show."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from billing.credits.lines import credit_left, this_month
from billing.credits.models import Coverage, CreditEntry
from entitlements.queries import entitlements_for

ENTRY_COLUMNS = (
    *("at", "credit", "kind", "movement", "amount_nano_usd", "balance_nano_usd"),
    *("usage_month", "reason"),
)
# Rows held at a time while a file is written: about a megabyte.
CHUNK = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditState:
    """An organisation's credit and how this month (UTC) is covered, in billionths.

    ``used_nano`` is ``from_allowance_nano + from_credit_nano + uncovered_nano``.
    """

    left_nano: int
    month: date
    used_nano: int
    allowance_nano: int
    from_allowance_nano: int
    from_credit_nano: int
    uncovered_nano: int


def credit_state(organisation_id: int) -> CreditState:
    """Return what is left and what covered this month. Three queries."""
    month = this_month()
    row = Coverage.objects.filter(organisation_id=organisation_id, month=month).first()
    row = row or Coverage(organisation_id=organisation_id, month=month)
    return CreditState(
        left_nano=credit_left(organisation_id),
        month=month,
        used_nano=row.used_nano,
        allowance_nano=entitlements_for(organisation_id).monthly_allowance_nano,
        from_allowance_nano=row.from_allowance_nano,
        from_credit_nano=row.from_credit_nano,
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
