"""Which period usage is part of, and what it may come to."""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from billing.credits.lines import locked, renew_line
from billing.credits.models import ChargeCap, Coverage
from entitlements.queries import entitlements_for, terms_for
from entitlements.terms import HOUR, AllowancePeriod


def ensure_coverage(organisation_id: int, window: datetime) -> Coverage:
    """Return the period that usage of ``window`` is part of; begin it if need be.

    The caller holds the organisation. A new one ends where the next begins and begins
    where the one before ended: no hour is in two.
    """
    own = Coverage.objects.filter(organisation_id=organisation_id)
    found = own.containing(window).first()
    if found is not None:
        return found
    period = terms_for(organisation_id).period_of(window)
    before = own.filter(ends_at__lte=window).order_by("-ends_at").first()
    after = own.filter(starts_at__gt=window).order_by("starts_at").first()
    starts_at = max(period.starts_at, before.ends_at) if before else period.starts_at
    ends_at = min(period.ends_at, after.starts_at) if after else period.ends_at
    return Coverage.objects.create(
        organisation_id=organisation_id,
        starts_at=starts_at,
        ends_at=ends_at,
        month=starts_at.astimezone(UTC).date().replace(day=1),
    )


def hold_terms(row: Coverage) -> None:
    """Note the plan's allowance, price and cap in a period that runs, unsaved.

    What has ended keeps what it had. What is charged in a period has one price: a new
    one comes with the next.
    """
    moment = timezone.now()
    runs = row.starts_at <= moment < row.ends_at
    if not runs and (row.allowance_nano or row.used_nano or row.price.is_charged):
        return
    features = entitlements_for(row.organisation_id)
    row.allowance_nano = features.monthly_allowance_nano
    price = terms_for(row.organisation_id).price
    caps = ChargeCap.objects.filter(pk=row.organisation_id)
    cap = caps.first() if price.is_charged else None
    row.cap_nano = cap.cap_nano if cap else 0
    if not row.charged_nano:
        row.charge_percent = price.percent
        row.charge_tiers = price.stored_tiers


@transaction.atomic
def align_period(organisation_id: int) -> None:
    """Let the running period be that of the organisation's subscription.

    A subscription that begins, ends or counts from another day ends the period before
    it at the hour; what that one covered stays its. Within the hour in which a period
    began it only gets another end: nobody is given two allowances by changing twice.
    """
    locked(organisation_id)
    moment = timezone.now()
    wanted = terms_for(organisation_id).period_of(moment)
    own = Coverage.objects.filter(organisation_id=organisation_id)
    running = own.containing(moment).first()
    if running is not None:
        _end(running, wanted, moment)
    renew_line(organisation_id, is_news=True)


def _end(running: Coverage, wanted: AllowancePeriod, moment: datetime) -> None:
    ends_at = wanted.ends_at
    if wanted.starts_at > running.starts_at:
        ends_at = wanted.starts_at
    elif wanted.ends_at != running.ends_at and wanted.starts_at < running.starts_at:
        ends_at = _hour_of(moment)
    ends_at = max(ends_at, running.starts_at)
    if ends_at == running.starts_at:
        ends_at = max(wanted.ends_at, running.starts_at + HOUR)
    if ends_at != running.ends_at:
        running.ends_at = ends_at
        running.save(update_fields=["ends_at"])


def _hour_of(moment: datetime) -> datetime:
    return moment - timedelta(
        minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
    )
