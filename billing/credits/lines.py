"""What gateways know of an organisation's credit, made from the ledger of it."""

from collections.abc import Mapping
from datetime import date

from django.db.models import Sum
from django.utils import timezone

from accounts.models import Organisation
from billing.credits.models import ChargeCap, Coverage, CreditGrant
from entitlements.credit import Credit
from entitlements.queries import credit_for, terms_for
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


def renew_line(
    organisation_id: int, *, is_news: bool, settled: Mapping[date, int] | None = None
) -> None:
    """Have gateways know what may be spent; the caller holds the organisation.

    ``is_news`` says that the sum of it changed, as it does not when usage is settled.
    ``settled`` is what was settled now, by the calendar month (UTC) it was used in.
    """
    moment = timezone.now()
    month = this_month()
    terms = terms_for(organisation_id)
    period = terms.period_of(moment)
    own = Coverage.objects.filter(organisation_id=organisation_id)
    row = own.containing(moment).first()
    cap = ChargeCap.objects.filter(pk=organisation_id).first()
    price = row.price if row and row.charged_nano else terms.price
    most = price.most_usage(cap.cap_nano) if cap and terms.price.is_charged else 0
    # Of a new period nothing is charged yet, and its price is the plan's.
    next_most = terms.price.most_usage(cap.cap_nano) if cap else 0
    before = credit_for(organisation_id)
    is_same_month = before.month == f"{month:%Y%m}"
    credit = Credit(
        month=f"{month:%Y%m}",
        settled_nano=(before.settled_nano if is_same_month else 0)
        + (settled or {}).get(month, 0),
        from_allowance_nano=row.from_allowance_nano if row else 0,
        remaining_nano=credit_left(organisation_id),
        chargeable_nano=max(most - (row.charged_nano if row else 0), 0),
        cap_nano=next_most,
        ends_at=row.ends_at if row else period.ends_at,
    )
    set_credit(organisation_id, credit, is_news=is_news)
