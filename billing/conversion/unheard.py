"""What was published and has not been heard here yet."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from activity.services import NewEvent
from activity.subscribers import event_of
from billing.ledger.models import UsageCost
from contracts.billing import InvoicePaid, PaymentRefunded, PaymentRestored
from contracts.inference import UsageAggregated
from outbox.queries import unheard_by

LOG = "activity.subscribers.record_fact"
LEDGER = "billing.ledger.subscribers.record_usage"
COSTS = "billing.conversion.subscribers.add_cost"
REVENUE = (
    "billing.conversion.subscribers.add_revenue",
    "billing.conversion.subscribers.take_back_revenue",
    "billing.conversion.subscribers.restore_revenue",
    # Until they were three.
    "billing.conversion.subscribers.record_milestones",
)
# What each fact does to an organisation's revenue.
SIGNS = {InvoicePaid: 1, PaymentRefunded: -1, PaymentRestored: 1}


@dataclass(slots=True)
class Unheard:
    """Facts not delivered yet, dead ones among them until a person has decided.

    ``revenue`` (minor units) and ``cost_nano`` are what they will add to each
    organisation, though the ledger holds it already; less than nothing where it is the
    ledger that has not heard. ``foreign`` is the same for each invoice in another
    currency, ``unpaid`` are those whose payment is not heard of, ``unlogged`` are
    lines the activity log does not have yet.
    """

    revenue: Counter[int] = field(default_factory=Counter)
    foreign: Counter[int] = field(default_factory=Counter)
    unpaid: set[int] = field(default_factory=set)
    cost_nano: Counter[int] = field(default_factory=Counter)
    unlogged: list[NewEvent] = field(default_factory=list)


def unheard_facts() -> Unheard:
    """Return what the rows of conversion and the log do not know yet."""
    found = Unheard()
    for received in unheard_by(LOG):
        found.unlogged.append(event_of(received))
    for received in unheard_by(*REVENUE, names={each.__name__ for each in SIGNS}):
        fact = received.fact
        if fact.currency.lower() == settings.REPORTING_CURRENCY:
            found.revenue[fact.organisation_id] += SIGNS[type(fact)] * fact.amount
        else:
            found.foreign[fact.invoice_id] += SIGNS[type(fact)] * fact.amount
            if isinstance(fact, InvoicePaid):
                found.unpaid.add(fact.invoice_id)
    waiting = {received.event_id: received.fact for received in unheard_by(COSTS)}
    for fact in waiting.values():
        if _is_in_ledger(fact):
            found.cost_nano[fact.organisation_id] += fact.cost_nano
    for received in unheard_by(LEDGER):
        fact = received.fact
        # Known here and not there: the ledger is what lags behind. Credit may have
        # written its row before it was heard there.
        if received.event_id not in waiting and not _is_in_ledger(fact):
            found.cost_nano[fact.organisation_id] -= fact.cost_nano
    return found


def _is_in_ledger(fact: UsageAggregated) -> bool:
    return UsageCost.objects.filter(
        organisation_id=fact.organisation_id,
        model=fact.model,
        edition=fact.edition,
        window=datetime.fromisoformat(fact.window),
        revision=fact.revision,
    ).exists()
