"""The end of a term: told of in time, and then another term or none."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.pricelists.services import revoke_list_of_contract
from billing.quotes import notices
from billing.quotes.amounts import months_after
from billing.quotes.exceptions import NoContract
from billing.quotes.models import Contract, RenewalNotice
from billing.stripe import contracts
from billing.stripe.locks import database_now
from billing.subscriptions import mirror
from contracts.billing import (
    ContractEnded,
    ContractRenewed,
    RenewalResumed,
    RenewalStopped,
)
from outbox import publish

# Days before the end: time to plan a budget, time to decide, and the last week.
REMINDERS = (60, 30, 7)


def stop_renewal(contract: Contract, *, by: User) -> Contract:
    """Let a contract end with its term; until then nothing changes.

    Raises ``NoContract``.
    """
    return _set_ending(contract, by=by, renews=False)


def resume_renewal(contract: Contract, *, by: User) -> Contract:
    """Let a contract that was to end renew after all. Raises ``NoContract``."""
    return _set_ending(contract, by=by, renews=True)


def remind_of_renewals() -> int:
    """Tell of each term that ends soon, 60, 30 and 7 days before; return how many.

    One that was found late is told of once, for the nearest of them.
    """
    now = timezone.now()
    soon = Contract.objects.running().filter(
        ends_at__gt=now, ends_at__lte=now + timedelta(days=max(REMINDERS))
    )
    return sum(_remind(pk, now=now) for pk in list(soon.values_list("pk", flat=True)))


def settle_terms() -> int:
    """Begin another term where one is over, or end the contract; return how many.

    A contract is also over when its subscription is, however that came.
    """
    now = timezone.now()
    running = Contract.objects.running().exclude(subscription=None)
    over = running.filter(ends_at__lte=now)
    gone = running.filter(subscription__status__in=["canceled", "incomplete_expired"])
    pks = set(over.values_list("pk", flat=True)) | set(
        gone.values_list("pk", flat=True)
    )
    return sum(_settle(pk, now=now) for pk in sorted(pks))


def _set_ending(contract: Contract, *, by: User, renews: bool) -> Contract:
    row = _running(contract)
    assert row.subscription is not None  # noqa: S101 - it runs
    assert row.ends_at is not None  # noqa: S101 - as above
    if row.renews == renews:
        return row
    at = None if renews else int(row.ends_at.timestamp())
    asked_at = database_now()
    answered = contracts.set_contract_end(row.subscription.stripe_id, at=at)
    subscription = mirror.apply_answer(answered, asked_at=asked_at, by=by)
    fact = RenewalResumed if renews else RenewalStopped
    with transaction.atomic():
        audit.record(
            "contract.renewal_resumed" if renews else "contract.renewal_stopped",
            actor=by,
            organisation=row.organisation,
            target=row.quote.number,
            after={"ends_at": row.ends_at.isoformat()},
        )
        publish(
            fact(contract_id=row.pk, organisation_id=row.organisation_id, user_id=by.pk)
        )
    row.subscription = subscription
    return row


@transaction.atomic
def _remind(pk: int, *, now: datetime) -> int:
    row = _lock(pk)
    if row.ends_at is None or row.ended_at is not None:
        return 0
    left = row.ends_at - now
    days = min(each for each in REMINDERS if left <= timedelta(days=each))
    _, is_new = RenewalNotice.objects.get_or_create(
        contract=row, ends_at=row.ends_at, days=days
    )
    if is_new:
        notices.notify_of_term(row, days=days)
    return int(is_new)


@transaction.atomic
def _settle(pk: int, *, now: datetime) -> int:
    row = _lock(pk)
    if row.ended_at is not None or row.subscription is None or row.ends_at is None:
        return 0
    if not row.subscription.is_live:
        row.ended_at = row.subscription.ended_at or now
        row.save(update_fields=["ended_at"])
        revoke_list_of_contract(row.quote.public_id)
        _audit("contract.ended", row)
        publish(ContractEnded(contract_id=row.pk, organisation_id=row.organisation_id))
        return 1
    if row.ends_at > now or not row.renews:
        # One that is to end waits for the provider to say that it has.
        return 0
    while row.ends_at <= now:
        row.ends_at = months_after(row.ends_at, row.quote.term_months)
    row.save(update_fields=["ends_at"])
    _audit("contract.renewed", row)
    publish(
        ContractRenewed(
            contract_id=row.pk,
            organisation_id=row.organisation_id,
            ends_at=row.ends_at.isoformat(),
        )
    )
    return 1


def _audit(action: str, row: Contract) -> None:
    ends_at = row.ends_at.isoformat() if row.ends_at else ""
    audit.record(
        action,
        actor=None,
        organisation=row.organisation,
        target=row.quote.number,
        after={"ends_at": ends_at},
    )


def _running(contract: Contract) -> Contract:
    rows = Contract.objects.running().select_related(
        "organisation", "quote", "subscription"
    )
    row = rows.filter(pk=contract.pk).exclude(subscription=None).first()
    if row is None or row.subscription is None or not row.subscription.is_live:
        raise NoContract
    return row


def _lock(pk: int) -> Contract:
    rows = Contract.objects.select_for_update(of=("self",))
    return rows.select_related("organisation", "quote", "subscription").get(pk=pk)
