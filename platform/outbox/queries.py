"""How far behind the deliveries are."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Min, Q
from django.utils import timezone

from outbox.models import Delivery


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be done, how late the most urgent is, and what was given up."""

    waiting: int
    overdue: timedelta
    dead: int

    @property
    def is_late(self) -> bool:
        """Whether somebody should look: the relay runs every two seconds."""
        return self.overdue > timedelta(seconds=30)


def delivery_backlog() -> Backlog:
    """Return how far the subscribers are behind what was published."""
    counted = Delivery.objects.exclude(state=Delivery.State.DONE).aggregate(
        waiting=Count("pk", filter=Q(state=Delivery.State.PENDING)),
        dead=Count("pk", filter=Q(state=Delivery.State.DEAD)),
        due_at=Min("due_at", filter=Q(state=Delivery.State.PENDING)),
    )
    due_at = counted["due_at"]
    overdue = max(timezone.now() - due_at, timedelta()) if due_at else timedelta()
    return Backlog(counted["waiting"], overdue, counted["dead"])
