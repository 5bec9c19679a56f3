"""What conversion does when the other areas report."""

from billing.conversion import services
from billing.conversion.milestones import MILESTONES
from contracts.accounts import OrganisationCreated, UserSignedUp
from contracts.billing import InvoicePaid, PaymentRefunded, PaymentRestored
from contracts.inference import UsageAggregated
from outbox import subscribe, subscribe_all
from outbox.registry import ReceivedFact


@subscribe(UserSignedUp)
def follow_developer(fact: UserSignedUp) -> None:
    services.record_sign_up(fact.user_id)


@subscribe(OrganisationCreated)
def open_account(fact: OrganisationCreated) -> None:
    services.open_account(fact.organisation_id, user_id=fact.user_id)


@subscribe(UsageAggregated)
def add_cost(fact: UsageAggregated) -> None:
    services.add_cost(fact.organisation_id, cost_nano=fact.cost_nano)


@subscribe_all
def record_milestones(received: ReceivedFact) -> None:
    """Note the steps of the funnel with the time they happened."""
    fact = received.fact
    if isinstance(fact, InvoicePaid):
        services.add_revenue(
            fact.organisation_id,
            amount=fact.amount,
            currency=fact.currency,
            at=received.occurred_at,
            user_id=fact.user_id,
        )
    elif isinstance(fact, PaymentRefunded):
        services.add_revenue(
            fact.organisation_id,
            amount=-fact.amount,
            currency=fact.currency,
            at=received.occurred_at,
        )
    elif isinstance(fact, PaymentRestored):
        services.restore_revenue(
            fact.organisation_id, amount=fact.amount, currency=fact.currency
        )
    for milestone in MILESTONES.get(received.name, ()):
        user_id = getattr(fact, fact.actor)
        if user_id is not None:
            services.record_milestone(user_id, milestone, at=received.occurred_at)
