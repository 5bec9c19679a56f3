"""One organisation's month under given terms, by the arithmetic that bills it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from billing.credits.drawing import cover_row
from billing.credits.models import CURRENCY, Coverage
from billing.overage.arithmetic import in_minor_units
from entitlements.usage_price import UsagePrice

# A model's usage counts at its list price.
FULL_RATE = 100


class UsedRow(NamedTuple):
    """Usage of one model in one window: at list price, and what it cost us."""

    model: str
    price_nano: int
    cost_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTerms:
    """What one organisation is held to in one month.

    ``base`` is what the plan costs a month, in minor units of its currency; the rest is
    in billionths of a US dollar. Usage of a model counts at so many per cent of its
    list price as ``rates`` says; beyond the allowance and credit that is charged by
    ``price``, up to the cap.
    """

    base: int
    allowance_nano: int
    price: UsagePrice
    cap_nano: int
    rates: Mapping[str, int] = field(default_factory=dict)

    def counted(self, row: UsedRow) -> int:
        """Return what a row of usage counts, in billionths."""
        return row.price_nano * self.rates.get(row.model, FULL_RATE) // FULL_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthBill:
    """What a month comes to under some terms.

    ``base`` in minor units of the plan's currency, ``charge`` in US cents; what neither
    plan nor credit nor a charge covers is refused, and costs nothing.
    """

    base: int
    charge: int
    cost_nano: int
    refused_nano: int


def compute_month(
    rows: Iterable[UsedRow], terms: MonthTerms, *, credit_nano: int
) -> MonthBill:
    """Return what usage, in the order it was used, comes to under ``terms``.

    The period is covered row by row as the ledger's is, and charged as a statement is,
    by model or by tier, with nothing carried from the month before.
    """
    coverage = Coverage(
        allowance_nano=terms.allowance_nano,
        charge_percent=terms.price.percent,
        charge_tiers=terms.price.stored_tiers,
        cap_nano=terms.cap_nano,
    )
    most_nano = coverage.most_charged_nano
    charged: Counter[str] = Counter()
    cost_nano = refused_nano = 0
    for row in rows:
        counted = terms.counted(row)
        parts = cover_row(
            coverage, counted, credit_nano=credit_nano, most_nano=most_nano
        )
        credit_nano -= parts["from_credit_nano"]
        charged[row.model] += parts["charged_nano"]
        refused = parts["uncovered_nano"]
        refused_nano += refused
        cost_nano += row.cost_nano
        if counted:
            cost_nano -= row.cost_nano * refused // counted
    lines = in_minor_units(
        _charges(charged, terms.price),
        carried_nano=0,
        currency=CURRENCY,
    )
    return MonthBill(
        base=terms.base,
        charge=sum(line.amount for line in lines),
        cost_nano=cost_nano,
        refused_nano=refused_nano,
    )


def _charges(charged: Mapping[str, int], price: UsagePrice) -> list[int]:
    """Return what the lines of a statement come to, in billionths."""
    if price.is_tiered:
        return [part.charge_nano for part in price.parts_of(sum(charged.values()))]
    return [price.charge_of(charged[model]) for model in sorted(charged)]
