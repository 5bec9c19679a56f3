"""What credit does when the gateway reports, and when credit comes and goes."""

from billing.credits import drawing, notices
from billing.ledger.services import record_usage
from contracts.billing import CreditExpired, CreditGranted, CreditWithdrawn
from contracts.inference import UsageAggregated
from outbox import subscribe


@subscribe(UsageAggregated)
def cover_usage(fact: UsageAggregated) -> None:
    """Cover what a window added; a correction may have made it less."""
    # The ledger hears of it, too, and keeps it once: it matters not who is first.
    record_usage(fact)
    drawing.cover_usage(fact.organisation_id)


@subscribe(CreditGranted)
def tell_granted(fact: CreditGranted) -> None:
    notices.notify_granted(fact)


@subscribe(CreditWithdrawn)
def tell_withdrawn(fact: CreditWithdrawn) -> None:
    notices.notify_withdrawn(fact)


@subscribe(CreditExpired)
def tell_expired(fact: CreditExpired) -> None:
    notices.notify_expired(fact)
