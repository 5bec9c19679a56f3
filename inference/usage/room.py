"""What an organisation may still use, as of this month and this period."""

from dataclasses import replace
from datetime import UTC, date, datetime

from django.db.models import Sum
from django.utils import timezone

from entitlements.credit import Credit
from entitlements.queries import credit_for
from inference.usage.models import OrganisationMonth, UsageHour


def credit_now(organisation_id: int, allowance_nano: int) -> Credit:
    """Return what an organisation may spend now; one query, three where time went on.

    Billing hears of usage within a minute. What a month or a period that is over has
    used and nobody has settled yet is taken off first, so that no credit is spent
    twice; what was used of this month before its period began is beside the limit.
    """
    credit = credit_for(organisation_id)
    now = timezone.now()
    first = now.astimezone(UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    month, is_over = f"{first:%Y%m}", credit.has_ended(now)
    if not credit.month or (credit.month == month and not is_over):
        return credit
    unsettled, earlier = -credit.settled_nano, 0
    if credit.month != month:
        before = datetime.strptime(credit.month, "%Y%m").replace(tzinfo=UTC)
        unsettled += spent_in_month(organisation_id, before.date())
    if is_over and credit.ends_at is not None and credit.ends_at > first:
        earlier = spent_between(organisation_id, first, credit.ends_at)
        unsettled += earlier
    left = credit.less(max(unsettled, 0), allowance_nano)
    if not is_over:
        return replace(left, month=month, settled_nano=0)
    return replace(
        left,
        month=month,
        settled_nano=earlier,
        from_allowance_nano=0,
        chargeable_nano=left.cap_nano,
        ends_at=None,
    )


def spent_in_month(organisation_id: int, month: date) -> int:
    """Return what an organisation used in the month that begins on a day, durably."""
    sums = OrganisationMonth.objects.filter(
        organisation_id=organisation_id, month=month
    )
    return sums.values_list("price_nano", flat=True).first() or 0


def spent_between(organisation_id: int, start: datetime, end: datetime) -> int:
    """Return what an organisation used in whole hours, durably."""
    hours = UsageHour.objects.filter(
        organisation_id=organisation_id, hour__gte=start, hour__lt=end
    )
    return int(hours.aggregate(sum=Sum("price_nano"))["sum"] or 0)
