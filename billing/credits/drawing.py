"""Covering usage: first by the plan, then by credit, to the billionth.

What comes back, because a call was corrected, goes the same way in the other direction.
"""

from datetime import UTC, date

from django.db import transaction
from django.db.models import Sum

from billing.credits.lines import locked, renew_line, this_month
from billing.credits.models import Coverage, CreditEntry, CreditGrant
from billing.credits.services import end_leftover, record_entry
from billing.ledger.models import UsageCost
from entitlements.queries import entitlements_for


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
    of a month always sum to its usage.
    """
    locked(organisation_id)
    waiting = UsageCost.objects.filter(
        organisation_id=organisation_id, is_covered=False
    )
    added: dict[date, int] = {}
    pks = []
    for row in waiting.only("window", "price_nano").order_by("window", "pk"):
        month = row.window.astimezone(UTC).date().replace(day=1)
        added[month] = added.get(month, 0) + row.price_nano
        pks.append(row.pk)
    if not pks:
        return
    UsageCost.objects.filter(pk__in=pks).update(is_covered=True)
    for month, amount in added.items():
        _settle(organisation_id, month, amount)
    renew_line(organisation_id, is_news=False)


def _settle(organisation_id: int, month: date, added_nano: int) -> None:
    row, _ = Coverage.objects.get_or_create(
        organisation_id=organisation_id, month=month
    )
    if month == this_month() or not row.allowance_nano:
        features = entitlements_for(organisation_id)
        row.allowance_nano = features.monthly_allowance_nano
    row.used_nano += added_nano
    if added_nano > 0:
        _cover(row, added_nano)
    else:
        _give_back(row, -added_nano)
    row.save()


def _cover(row: Coverage, amount: int) -> None:
    included = min(max(row.allowance_nano - row.from_allowance_nano, 0), amount)
    row.from_allowance_nano += included
    drawn = _draw(row, amount - included)
    row.from_credit_nano += drawn
    row.uncovered_nano += amount - included - drawn


def _draw(row: Coverage, amount: int) -> int:
    """Draw from the grants in their order; return how much there was."""
    left = amount
    if not left:
        return 0
    grants = CreditGrant.objects.left().filter(organisation_id=row.organisation_id)
    for grant in grants.in_drawing_order():
        drawn = min(grant.remaining_nano, left)
        record_entry(grant, CreditEntry.Kind.USED, -drawn, month=row.month)
        left -= drawn
        if not left:
            break
    return amount - left


def _give_back(row: Coverage, amount: int) -> None:
    """Undo in the opposite order: what nothing covered, credit, the plan's part."""
    uncovered = min(row.uncovered_nano, amount)
    row.uncovered_nano -= uncovered
    returned = min(row.from_credit_nano, amount - uncovered)
    _return(row, returned)
    row.from_credit_nano -= returned
    row.from_allowance_nano -= amount - uncovered - returned


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
