"""What the pages, the CSV and the REST API of charges show: one set of numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from billing.credits.lines import credit_left
from billing.credits.models import ChargeCap, Coverage, CoveredUsage
from billing.credits.queries import running_coverage
from billing.overage.arithmetic import shares_of
from billing.overage.models import StatementLine
from entitlements.queries import entitlements_for, terms_for
from entitlements.usage_price import REFUSED, Part, UsagePrice

LINE_COLUMNS = (
    *("statement", "period_start", "period_end", "model", "percent"),
    *("usage_nano_usd", "charge_nano_usd", "amount_minor", "currency", "invoice_item"),
    *("tier", "line"),
)
# Rows held at a time while a file is written: about a megabyte.
CHUNK = 2_000
# Before so much of a period has gone by, what it comes to is a guess.
LEAST_TO_PROJECT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """How a period's usage of one model was covered, in billionths of a US dollar."""

    model: str
    used_nano: int
    from_allowance_nano: int
    from_credit_nano: int
    charged_nano: int
    uncovered_nano: int
    charge_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeState:
    """The running period of an organisation, in billionths of a US dollar.

    ``price`` is what usage beyond the allowance costs now. ``charge_nano`` is the sum
    of the lines', and of the ``parts`` where the price has tiers; ``projected_nano``
    what the period comes to if it goes on like this, None in its first day.
    """

    coverage: Coverage
    allowance_nano: int
    price: UsagePrice
    cap_nano: int | None
    credit_left_nano: int
    charge_nano: int
    projected_nano: int | None
    lines: tuple[ModelUsage, ...]
    parts: tuple[Part, ...]

    @property
    def is_charged(self) -> bool:
        """Whether calls go on beyond the allowance and credit now."""
        return self.price.is_charged and bool(self.cap_nano)

    @property
    def percent(self) -> int:
        """The one rate of a price that has no tiers."""
        return self.price.percent


def charge_state(organisation_id: int) -> ChargeState:
    """Return the running period and its lines. Eight queries at most."""
    coverage = running_coverage(organisation_id)
    terms = terms_for(organisation_id)
    cap = ChargeCap.objects.filter(pk=organisation_id).first()
    lines = tuple(usage_by_model(coverage)) if coverage.pk else ()
    allowance = entitlements_for(organisation_id).monthly_allowance_nano
    left = credit_left(organisation_id)
    charge = sum(line.charge_nano for line in lines)
    price = coverage.price if coverage.charged_nano else terms.price
    parts = tuple(coverage.price.parts_of(coverage.charged_nano))
    cap_nano = cap.cap_nano if cap else None
    return ChargeState(
        coverage=coverage,
        allowance_nano=allowance,
        price=price if terms.price.is_charged else REFUSED,
        cap_nano=cap_nano,
        credit_left_nano=left,
        charge_nano=charge,
        projected_nano=_projected(
            coverage,
            room_nano=allowance + left,
            price=price if terms.price.is_charged else REFUSED,
            cap_nano=cap_nano or 0,
            charge_nano=charge,
        ),
        lines=lines,
        parts=parts if price.is_tiered else (),
    )


def usage_by_model(coverage: Coverage) -> Iterator[ModelUsage]:
    """Yield a period's usage by model, the dearest first.

    Tiers count it whole: what it is charged is shared out by what each model used.
    """
    rows = (
        CoveredUsage.objects.filter(coverage=coverage)
        .values_list("usage__model")
        .annotate(
            plan=Sum("from_allowance_nano"),
            credit=Sum("from_credit_nano"),
            charged=Sum("charged_nano"),
            uncovered=Sum("uncovered_nano"),
        )
    )
    sums = sorted(
        # What was covered before rows were told apart has no model.
        (model or "", (int(plan), int(credit), int(charged), int(uncovered)))
        for model, plan, credit, charged, uncovered in rows
    )
    price = coverage.price
    by_model = [charged for _, (_, _, charged, _) in sums]
    charges = (
        shares_of(price.charge_of(sum(by_model)), by_model)
        if price.is_tiered
        else map(price.charge_of, by_model)
    )
    lines = [
        ModelUsage(
            model=model,
            used_nano=plan + credit + charged + uncovered,
            from_allowance_nano=plan,
            from_credit_nano=credit,
            charged_nano=charged,
            uncovered_nano=uncovered,
            charge_nano=charge,
        )
        for (model, (plan, credit, charged, uncovered)), charge in zip(
            sums, charges, strict=True
        )
    ]
    yield from sorted(lines, key=lambda line: (-line.used_nano, line.model))


def line_rows(organisation_id: int) -> Iterator[tuple[Any, ...]]:
    """Yield every line of every statement as ``LINE_COLUMNS``, the oldest first."""
    lines = StatementLine.objects.filter(statement__organisation_id=organisation_id)
    for line in (
        lines.select_related("statement", "coverage")
        .order_by("pk")
        .iterator(chunk_size=CHUNK)
    ):
        yield (
            line.statement.public_id,
            line.coverage.starts_at,
            line.coverage.ends_at,
            line.model,
            line.percent,
            line.usage_nano,
            line.charge_nano,
            line.amount,
            line.statement.currency,
            line.item_id or "",
            line.tier,
            line.name,
        )


def _projected(
    coverage: Coverage,
    *,
    room_nano: int,
    price: UsagePrice,
    cap_nano: int,
    charge_nano: int,
) -> int | None:
    elapsed = timezone.now() - coverage.starts_at
    length = coverage.ends_at - coverage.starts_at
    if elapsed < LEAST_TO_PROJECT:
        return None
    used = coverage.used_nano * int(length.total_seconds())
    whole = used // max(int(elapsed.total_seconds()), 1)
    # Of credit what this period has drawn is part of its room.
    beyond = max(whole - room_nano - coverage.from_credit_nano, 0)
    return max(min(price.charge_of(beyond), cap_nano), charge_nano)
