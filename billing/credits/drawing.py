"""Covering usage: by the plan, then by credit, then by a charge, to the billionth.

What comes back, because a call was corrected, goes the same way in the other direction.
"""

from collections.abc import Sequence
from datetime import UTC, date

from django.db import transaction
from django.db.models import Sum

from billing.credits.lines import credit_left, locked, renew_line
from billing.credits.models import Coverage, CoveredUsage, CreditEntry, CreditGrant
from billing.credits.periods import ensure_coverage, hold_terms
from billing.credits.services import end_leftover, record_entry
from billing.ledger.models import UsageCost


def cover_everybody() -> int:
    """Cover the usage that still waits for it; return of how many organisations."""
    waiting = UsageCost.objects.filter(is_covered=False)
    ids = list(waiting.values_list("organisation_id", flat=True).distinct())
    for organisation_id in ids:
        cover_usage(organisation_id)
    return len(ids)


@transaction.atomic
def cover_usage(organisation_id: int) -> None:
    """Cover what the ledger knows of an organisation's usage and nothing covers yet.

    Each row is covered once, however often and from wherever this is called: the
    organisation's row is locked, so of two at once the second finds nothing. The parts
    of a row sum to its price, those of a period to its usage.
    """
    locked(organisation_id)
    waiting = UsageCost.objects.filter(
        organisation_id=organisation_id, is_covered=False
    )
    rows = list(waiting.only("window", "price_nano").order_by("window", "pk"))
    if not rows:
        return
    UsageCost.objects.filter(pk__in=[row.pk for row in rows]).update(is_covered=True)
    by_period: dict[int, tuple[Coverage, list[UsageCost]]] = {}
    settled: dict[date, int] = {}
    period: Coverage | None = None
    for row in rows:
        if period is None or not period.starts_at <= row.window < period.ends_at:
            period = ensure_coverage(organisation_id, row.window)
        by_period.setdefault(period.pk, (period, []))[1].append(row)
        month = row.window.astimezone(UTC).date().replace(day=1)
        settled[month] = settled.get(month, 0) + row.price_nano
    for coverage, used in by_period.values():
        _settle(coverage, used)
    renew_line(organisation_id, is_news=False, settled=settled)


def _settle(coverage: Coverage, rows: Sequence[UsageCost]) -> None:
    hold_terms(coverage)
    drawn_before = coverage.from_credit_nano
    left = credit_left(coverage.organisation_id)
    most = coverage.most_charged_nano
    covered = []
    for row in rows:
        parts = cover_row(coverage, row.price_nano, credit_nano=left, most_nano=most)
        left -= parts["from_credit_nano"]
        covered.append(CoveredUsage(coverage=coverage, usage=row, **parts))
    drawn = coverage.from_credit_nano - drawn_before
    if drawn > 0:
        _draw(coverage, drawn)
    elif drawn < 0:
        _return(coverage, -drawn)
    CoveredUsage.objects.bulk_create(covered)
    coverage.save()


def cover_row(
    coverage: Coverage, price_nano: int, *, credit_nano: int, most_nano: int
) -> dict[str, int]:
    """Add one row of usage to an unsaved period; return what covers it, by column.

    ``credit_nano`` is what is left of credit, ``most_nano`` the most that is charged
    beyond the allowance. The one rule of what pays for usage.
    """
    parts = (
        _cover(coverage, price_nano, credit=credit_nano, most=most_nano)
        if price_nano >= 0
        else _give_back(coverage, -price_nano)
    )
    for name, amount in parts.items():
        setattr(coverage, name, getattr(coverage, name) + amount)
    coverage.used_nano += price_nano
    return parts


def _cover(row: Coverage, amount: int, *, credit: int, most: int) -> dict[str, int]:
    """Return what covers usage: the plan, then credit, then a charge, then nothing."""
    included = min(max(row.allowance_nano - row.from_allowance_nano, 0), amount)
    drawn = min(credit, amount - included)
    chargeable = max(most - row.charged_nano, 0)
    charged = min(chargeable, amount - included - drawn)
    return {
        "from_allowance_nano": included,
        "from_credit_nano": drawn,
        "charged_nano": charged,
        "uncovered_nano": amount - included - drawn - charged,
    }


def _give_back(row: Coverage, amount: int) -> dict[str, int]:
    """Return what is undone by less usage: the same in the opposite order."""
    uncovered = min(row.uncovered_nano, amount)
    charged = min(row.charged_nano, amount - uncovered)
    returned = min(row.from_credit_nano, amount - uncovered - charged)
    return {
        "from_allowance_nano": -(amount - uncovered - charged - returned),
        "from_credit_nano": -returned,
        "charged_nano": -charged,
        "uncovered_nano": -uncovered,
    }


def _draw(row: Coverage, amount: int) -> None:
    """Draw from the grants in their order; the caller knows that there is so much."""
    left = amount
    grants = CreditGrant.objects.left().filter(organisation_id=row.organisation_id)
    for grant in grants.in_drawing_order():
        drawn = min(grant.remaining_nano, left)
        record_entry(grant, CreditEntry.Kind.USED, -drawn, month=row.month)
        left -= drawn
        if not left:
            break


def _return(row: Coverage, amount: int) -> None:
    """Give back to the grants what was drawn last for this month.

    Credit that has ended meanwhile ends again with what came back.
    """
    left = amount
    drawn = (
        CreditEntry.objects.filter(organisation_id=row.organisation_id, month=row.month)
        .values("grant_id")
        .annotate(sum=Sum("delta_nano"))
        .filter(sum__lt=0)
        .values_list("grant_id", "sum")
    )
    sums = {grant_id: -int(total) for grant_id, total in drawn}
    grants = CreditGrant.objects.filter(pk__in=sums).in_drawing_order().reverse()
    for grant in grants:
        if not left:
            break
        back = min(sums[grant.pk], left)
        record_entry(grant, CreditEntry.Kind.RETURNED, back, month=row.month)
        end_leftover(grant)
        left -= back
