"""How far behind the queue is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from django.utils import timezone

from jobs.models import Job
from jobs.registry import JobKind, kinds


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of one kind: what waits, how late the most urgent is, what was given up."""

    kind: JobKind
    waiting: int
    overdue: timedelta
    dead: int

    @property
    def is_late(self) -> bool:
        """Whether an operator should look: a worker or beat seems to be missing."""
        return self.overdue > self.kind.late_after


def backlogs() -> list[Backlog]:
    """Return the backlog of every kind, in two queries; each reads a small index."""
    at = timezone.now()
    # What a worker holds is being done, not late.
    free = Q(leased_until=None) | Q(leased_until__lte=at)
    waiting: dict[str, tuple[int, datetime | None]] = {
        kind: (count, due_at)
        for kind, count, due_at in Job.objects.waiting()
        .order_by()
        .values_list("kind")
        .annotate(Count("pk"), oldest=Min("due_at", filter=free))
    }
    dead = dict(
        Job.objects.filter(state=Job.State.DEAD)
        .order_by()
        .values_list("kind")
        .annotate(Count("pk"))
    )
    found = []
    for kind in kinds():
        count, due_at = waiting.get(kind.name, (0, None))
        overdue = max(at - due_at, timedelta()) if due_at else timedelta()
        found.append(Backlog(kind, count, overdue, dead.get(kind.name, 0)))
    return found
