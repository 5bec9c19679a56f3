"""What gateways know of an organisation's credit, made from the ledger of it."""

from datetime import date

from django.db.models import Sum
from django.utils import timezone

from accounts.models import Organisation
from billing.credits.models import Coverage, CreditGrant
from entitlements.credit import Credit
from entitlements.services import set_credit


def locked(organisation_id: int) -> Organisation:
    """Return an organisation whose credit nobody else changes before the commit.

    The weaker of the two row locks: usage of the organisation is written on.
    """
    rows = Organisation.objects.select_for_update(no_key=True)
    return rows.get(pk=organisation_id)


def this_month() -> date:
    """Return the first day of the calendar month (UTC)."""
    return timezone.now().date().replace(day=1)


def credit_left(organisation_id: int) -> int:
    """Return what is left of an organisation's credit, in billionths of a dollar."""
    grants = CreditGrant.objects.left().filter(organisation_id=organisation_id)
    return int(grants.aggregate(sum=Sum("remaining_nano"))["sum"] or 0)


def renew_line(organisation_id: int, *, is_news: bool) -> None:
    """Have gateways know what may be spent; the caller holds the organisation.

    ``is_news`` says that the sum of it changed, as it does not when credit is drawn.
    """
    month = this_month()
    row = Coverage.objects.filter(organisation_id=organisation_id, month=month).first()
    credit = Credit(
        month=f"{month:%Y%m}",
        from_allowance_nano=row.from_allowance_nano if row else 0,
        beyond_nano=row.from_credit_nano + row.uncovered_nano if row else 0,
        remaining_nano=credit_left(organisation_id),
    )
    set_credit(organisation_id, credit, is_news=is_news)
