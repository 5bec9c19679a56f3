"""Telling those who look after an organisation's money what became of its credit."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from billing.credits.models import PURSE, CreditGrant
from contracts.billing import CreditExpired, CreditGranted, CreditWithdrawn
from core.clock import day_for_all
from core.money import format_nano
from notifications.fan_out import notify_all
from notifications.models import Kind

# Time enough to use it, and near enough to be acted upon.
NOTICE = timedelta(days=7)


def notify_granted(fact: CreditGranted) -> None:
    """Say how much credit there is now, and until when."""
    grant = CreditGrant.objects.filter(pk=fact.grant_id).first()
    if grant is None:
        return

    def words() -> str:
        amount = format_nano(fact.amount_nano, fact.currency)
        if grant.expires_at is None:
            return gettext(
                "%(amount)s: “%(reason)s”. It is used after what the plan includes."
            ) % {"amount": amount, "reason": grant.reason}
        return gettext(
            "%(amount)s: “%(reason)s”. It is used after what the plan includes, until"
            " %(date)s."
        ) % {
            "amount": amount,
            "reason": grant.reason,
            "date": _day(grant),
        }

    _notify(
        fact.organisation_id,
        dedupe_key=f"credit-granted-{fact.grant_id}",
        title=_("%(organisation)s has received credit"),
        body=words,
    )


def notify_withdrawn(fact: CreditWithdrawn) -> None:
    """Say that credit was taken back."""
    _notify(
        fact.organisation_id,
        dedupe_key=f"credit-withdrawn-{fact.entry_id}",
        title=_("Credit of %(organisation)s was taken back"),
        body=lambda: (
            gettext("%(amount)s. The reason is beside it on the credit page.")
            % {"amount": format_nano(fact.amount_nano, fact.currency)}
        ),
    )


def notify_expired(fact: CreditExpired) -> None:
    """Say that credit has ended unused."""
    _notify(
        fact.organisation_id,
        dedupe_key=f"credit-expired-{fact.grant_id}",
        title=_("Credit of %(organisation)s has expired"),
        body=lambda: (
            gettext("%(amount)s had not been used.")
            % {"amount": format_nano(fact.amount_nano, fact.currency)}
        ),
    )


def remind_of_expiry(*, now: datetime | None = None) -> int:
    """Tell once of each grant that ends within a week; return how many were told."""
    moment = now or timezone.now()
    ending = CreditGrant.objects.left().filter(
        expires_at__gt=moment, expires_at__lte=moment + NOTICE, reminded_at=None
    )
    return sum(_remind(pk) for pk in list(ending.values_list("pk", flat=True)))


@transaction.atomic
def _remind(grant_id: int) -> int:
    waiting = CreditGrant.objects.filter(pk=grant_id, reminded_at=None)
    if not waiting.update(reminded_at=timezone.now()):
        return 0
    grant = CreditGrant.objects.get(pk=grant_id)

    def words() -> str:
        return gettext("%(amount)s can be used until %(date)s.") % {
            "amount": format_nano(grant.remaining_nano, grant.currency),
            "date": _day(grant),
        }

    _notify(
        grant.organisation_id,
        dedupe_key=f"credit-expires-{grant.pk}",
        title=_("Credit of %(organisation)s expires soon"),
        body=words,
    )
    return 1


def _day(grant: CreditGrant) -> str:
    if grant.expires_at is None:
        return ""
    return day_for_all(grant.expires_at)


def _notify(
    organisation_id: int,
    *,
    dedupe_key: str,
    title: Promise,
    body: Callable[[], str],
) -> None:
    organisation = Organisation.objects.get(pk=organisation_id)
    notify_all(
        User.objects.filter(
            memberships__organisation=organisation, memberships__role__in=PURSE
        ),
        Kind.BILLING,
        dedupe_key=dedupe_key,
        url=reverse("credits:credit-home", args=[organisation.slug]),
        title=lambda: str(title) % {"organisation": organisation.name},
        body=body,
        about=("purse", organisation.pk),
    )
