"""What the ledger does when the gateway reports."""

from billing.ledger import services
from contracts.inference import UsageAggregated
from outbox import subscribe


@subscribe(UsageAggregated)
def record_usage(fact: UsageAggregated) -> None:
    services.record_usage(fact)
