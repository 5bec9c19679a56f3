"""Giving credit and taking it back: each has its entry, and each happens once."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from audit import services as audit
from billing.credits.approving import require_second_person
from billing.credits.exceptions import (
    CreditKeyReused,
    CreditSpent,
    ImpossibleCredit,
)
from billing.credits.lines import locked, renew_line
from billing.credits.models import (
    CURRENCY,
    MOST_PRIORITY,
    CreditEntry,
    CreditGrant,
)
from contracts.billing import CreditExpired, CreditGranted, CreditWithdrawn
from core.money import NANO
from outbox import publish

# What was earned goes first, what was paid for last: nobody loses bought credit to a
# date while given credit waits.
PRIORITIES = {
    CreditGrant.Kind.CONTRIBUTION: 10,
    CreditGrant.Kind.REFERRAL: 20,
    CreditGrant.Kind.PROMOTION: 30,
    CreditGrant.Kind.SUPPORT: 40,
    CreditGrant.Kind.BOUGHT: 50,
}
# A million dollars: a typing error is more likely than such credit.
MOST_NANO = 1_000_000 * NANO
# As long as the columns.
MOST_OF_A_REASON, MOST_OF_A_KEY = 200, 128
# Usage is reported twice a minute. What was used before the end is known by then.
LAST_REPORTS = timedelta(minutes=2)


@transaction.atomic
def grant_credit(
    organisation_id: int,
    *,
    kind: str,
    amount_nano: int,
    key: str,
    reason: str,
    by: User | None = None,
    expires_at: datetime | None = None,
    priority: int | None = None,
    currency: str = CURRENCY,
) -> CreditGrant:
    """Give an organisation credit; the same ``key`` gives the same grant once.

    ``amount_nano`` is in billionths of a US dollar, ``key`` names what it is for
    (``referral:42``), ``reason`` is read by the customer. Gateways know of it within a
    second. The organisation's row is locked. Raises ``ImpossibleCredit``,
    ``CreditKeyReused`` where the key stands for other credit, and ``NeedsApproval``
    where a person gives more than one alone may, at once or in parts.
    """
    rank = PRIORITIES[_kind(kind)] if priority is None else priority
    _check(amount_nano, key, reason, expires_at, rank, currency)
    organisation = locked(organisation_id)
    wanted = {
        "organisation_id": organisation_id,
        "kind": kind,
        "amount_nano": amount_nano,
    }
    known = CreditGrant.objects.filter(key=key).first()
    if known is not None:
        if any(getattr(known, name) != value for name, value in wanted.items()):
            raise CreditKeyReused
        return known
    if by is not None:
        require_second_person(organisation_id, amount_nano, currency, key=key, by=by)

    grant = CreditGrant.objects.create(
        **wanted,
        currency=currency,
        remaining_nano=amount_nano,
        priority=rank,
        expires_at=expires_at,
        key=key,
        reason=reason.strip(),
        granted_by=by,
    )
    record_entry(
        grant, CreditEntry.Kind.GRANTED, amount_nano, reason=grant.reason, by=by
    )
    renew_line(organisation_id, is_news=True)
    _audit("credit.granted", grant, organisation, by=by, amount=amount_nano, why=reason)
    publish(
        CreditGranted(
            organisation_id=organisation_id,
            grant_id=grant.pk,
            kind=kind,
            amount_nano=amount_nano,
            currency=currency,
            user_id=by.pk if by else None,
        )
    )
    return grant


@transaction.atomic
def withdraw_credit(
    grant_id: int,
    *,
    key: str,
    reason: str,
    by: User | None = None,
    amount_nano: int | None = None,
) -> int:
    """Take credit back and return how much; without an amount, all that is left.

    What was used stays used. The same ``key`` takes back once. Raises ``CreditSpent``
    when there is not so much left, ``ImpossibleCredit`` and ``CreditKeyReused``.
    """
    _check_words(key, reason)
    if amount_nano is not None:
        _check_amount(amount_nano)
    organisation_id = CreditGrant.objects.values_list("organisation_id", flat=True).get(
        pk=grant_id
    )
    organisation = locked(organisation_id)
    known = CreditEntry.objects.filter(key=key).first()
    if known is not None:
        is_same = amount_nano is None or amount_nano == -known.delta_nano
        if known.grant_id != grant_id or not is_same:
            raise CreditKeyReused
        return -known.delta_nano
    # Read after the lock: what was drawn meanwhile is gone.
    grant = CreditGrant.objects.get(pk=grant_id)
    taken = grant.remaining_nano if amount_nano is None else amount_nano
    if not 0 < taken <= grant.remaining_nano:
        raise CreditSpent

    if taken == grant.remaining_nano:
        grant.withdrawn_at = timezone.now()
    entry = record_entry(
        grant,
        CreditEntry.Kind.WITHDRAWN,
        -taken,
        reason=reason.strip(),
        by=by,
        key=key,
    )
    renew_line(organisation_id, is_news=True)
    _audit("credit.withdrawn", grant, organisation, by=by, amount=taken, why=reason)
    publish(
        CreditWithdrawn(
            organisation_id=organisation_id,
            grant_id=grant.pk,
            entry_id=entry.pk,
            kind=grant.kind,
            amount_nano=taken,
            currency=grant.currency,
            user_id=by.pk if by else None,
        )
    )
    return taken


def expire_credit(*, now: datetime | None = None) -> int:
    """End the credit whose time has come; return how many grants that were.

    Two minutes late on purpose: usage of before is drawn first. An end that is met
    twice finds nothing left the second time.
    """
    moment = (now or timezone.now()) - LAST_REPORTS
    ended = CreditGrant.objects.left().filter(expires_at__lte=moment)
    return sum(_expire(pk) for pk in list(ended.values_list("pk", flat=True)))


def record_entry(
    grant: CreditGrant, kind: CreditEntry.Kind, delta_nano: int, **details: Any
) -> CreditEntry:
    """Move a grant and write down that it moved; the caller holds its organisation.

    A grant that is new holds its amount already.
    """
    if kind != CreditEntry.Kind.GRANTED:
        grant.remaining_nano += delta_nano
        grant.save(update_fields=["remaining_nano", "withdrawn_at"])
    by: User | None = details.pop("by", None)
    return CreditEntry.objects.create(
        grant=grant,
        organisation_id=grant.organisation_id,
        kind=kind,
        delta_nano=delta_nano,
        balance_nano=grant.remaining_nano,
        made_by=by,
        **details,
    )


def end_leftover(grant: CreditGrant) -> None:
    """Have nothing come back to credit that has ended: it ends again.

    The caller holds its organisation.
    """
    if not grant.remaining_nano:
        return
    if grant.withdrawn_at is not None:
        kind = CreditEntry.Kind.WITHDRAWN
    elif grant.has_expired(timezone.now() - LAST_REPORTS):
        kind = CreditEntry.Kind.EXPIRED
    else:
        return
    record_entry(grant, kind, -grant.remaining_nano)


@transaction.atomic
def _expire(grant_id: int) -> int:
    organisation_id = CreditGrant.objects.values_list("organisation_id", flat=True).get(
        pk=grant_id
    )
    locked(organisation_id)
    grant = CreditGrant.objects.get(pk=grant_id)
    lost = grant.remaining_nano
    if not lost:
        return 0
    record_entry(grant, CreditEntry.Kind.EXPIRED, -lost)
    renew_line(organisation_id, is_news=True)
    publish(
        CreditExpired(
            organisation_id=organisation_id,
            grant_id=grant.pk,
            kind=grant.kind,
            amount_nano=lost,
            currency=grant.currency,
        )
    )
    return 1


def _kind(kind: str) -> CreditGrant.Kind:
    try:
        return CreditGrant.Kind(kind)
    except ValueError as error:
        raise ImpossibleCredit("kind", _("There is no such kind of credit.")) from error


def _check(
    amount_nano: int,
    key: str,
    reason: str,
    expires_at: datetime | None,
    priority: int,
    currency: str,
) -> None:
    _check_amount(amount_nano)
    _check_words(key, reason)
    if expires_at is not None and expires_at <= timezone.now():
        raise ImpossibleCredit("expires_at", _("Choose a later time."))
    if not 0 <= priority <= MOST_PRIORITY:
        raise ImpossibleCredit(
            "priority", _("A priority is a whole number from 0 to 100.")
        )
    if currency != CURRENCY:
        raise ImpossibleCredit(
            "currency", _("Usage is priced in US dollars, and credit has to be, too.")
        )


def _check_amount(amount_nano: int) -> None:
    if not 0 < amount_nano <= MOST_NANO:
        raise ImpossibleCredit(
            "amount", _("An amount is above zero and at most a million dollars.")
        )


def _check_words(key: str, reason: str) -> None:
    if not 0 < len(reason.strip()) <= MOST_OF_A_REASON:
        raise ImpossibleCredit(
            "reason", _("Say why, in at most 200 characters: it is read later.")
        )
    if not 0 < len(key) <= MOST_OF_A_KEY:
        raise ImpossibleCredit("key", _("A key has 1 to 128 characters."))


def _audit(
    action: str,
    grant: CreditGrant,
    organisation: Organisation,
    *,
    by: User | None,
    amount: int,
    why: str,
) -> None:
    audit.record(
        action,
        actor=by,
        organisation=organisation,
        target=grant.public_id,
        after={
            "kind": str(grant.kind),
            "amount_nano": amount,
            "left_nano": grant.remaining_nano,
            "reason": why.strip(),
        },
    )
