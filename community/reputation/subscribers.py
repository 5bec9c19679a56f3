"""What reputation does when the other areas report."""

from datetime import datetime

from community.reputation import services
from contracts.billing import WorkReached
from outbox import subscribe_dated


@subscribe_dated(WorkReached)
def record_reach(fact: WorkReached, *, at: datetime) -> None:
    services.record_reach(
        fact.kind,
        fact.object_id,
        user_id=fact.author_id,
        organisations=fact.organisations,
        at=at,
    )
