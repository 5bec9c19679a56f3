"""What conversion does when the other areas report."""

from datetime import datetime
from typing import Any

from accounts.models import User
from billing.conversion import people, services
from billing.conversion.milestones import MILESTONES, ROLES
from contracts.accounts import (
    AccountErased,
    FirstTouchFound,
    MemberAdded,
    OrganisationCreated,
    UserSignedUp,
)
from contracts.billing import InvoicePaid, PaymentRefunded, PaymentRestored
from contracts.inference import UsageAggregated
from outbox import subscribe, subscribe_dated

# One handler of all facts did what the dated ones below do, each for its own.
_FORMERLY = "billing.conversion.subscribers.record_milestones"


@subscribe(UserSignedUp)
def follow_developer(fact: UserSignedUp) -> None:
    services.record_sign_up(fact.user_id)


@subscribe(FirstTouchFound)
def follow_first_touch(fact: FirstTouchFound) -> None:
    services.record_origin(fact.user_id)


@subscribe(AccountErased)
def forget_developer(fact: AccountErased) -> None:
    """Erase the way of who closed their account, as staff would."""
    people.forget_person(User.objects.get(pk=fact.user_id), by=None)


@subscribe_dated(OrganisationCreated)
def open_account(fact: OrganisationCreated, *, at: datetime) -> None:
    services.record_founder(fact.organisation_id, user_id=fact.user_id, at=at)


@subscribe_dated(MemberAdded)
def join_group(fact: MemberAdded, *, at: datetime) -> None:
    services.record_part(
        fact.organisation_id, user_id=fact.user_id, role=ROLES[MemberAdded], at=at
    )


@subscribe(UsageAggregated)
def add_cost(fact: UsageAggregated) -> None:
    services.add_cost(fact.organisation_id, cost_nano=fact.cost_nano)


@subscribe_dated(InvoicePaid, formerly=_FORMERLY)
def add_revenue(fact: InvoicePaid, *, at: datetime) -> None:
    services.add_revenue(
        fact.organisation_id,
        amount=fact.amount,
        currency=fact.currency,
        at=at,
        invoice_id=fact.invoice_id,
        user_id=fact.user_id,
    )


@subscribe_dated(PaymentRefunded, formerly=_FORMERLY)
def take_back_revenue(fact: PaymentRefunded, *, at: datetime) -> None:
    services.add_revenue(
        fact.organisation_id,
        amount=-fact.amount,
        currency=fact.currency,
        at=at,
        invoice_id=fact.invoice_id,
    )


@subscribe_dated(PaymentRestored, formerly=_FORMERLY)
def restore_revenue(fact: PaymentRestored, *, at: datetime) -> None:
    """Add money that is here again; its first payment keeps its time."""
    services.restore_revenue(
        fact.organisation_id,
        amount=fact.amount,
        currency=fact.currency,
        invoice_id=fact.invoice_id,
    )


def record_milestone(fact: Any, *, at: datetime) -> None:
    """Record the steps and the part a fact stands for, by who did it."""
    user_id = getattr(fact, fact.actor)
    if user_id is None:
        return
    for milestone in MILESTONES[type(fact)]:
        services.record_milestone(user_id, milestone, at=at)
    role = ROLES.get(type(fact))
    if role is not None:
        services.record_part(fact.organisation_id, user_id=user_id, role=role, at=at)


for _fact_class in MILESTONES:
    subscribe_dated(_fact_class, formerly=_FORMERLY)(record_milestone)
