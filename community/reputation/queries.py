"""What people have earned, ever and lately."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import QuerySet, Sum

from community.reputation.models import Balance, Entry
from core.clock import now

# Whole days back from now, as the forum's lists have them.
DAYS = {"week": 7, "month": 30, "year": 365}
# Three screens: who is further down looks at their own page.
BOARD = 100


def points_of(user_id: int) -> int:
    """Return the points of a person, never below none."""
    points = Balance.objects.filter(pk=user_id).values_list("points", flat=True).first()
    return max(0, points or 0)


def board_of(period: str) -> list[tuple[int, int]]:
    """Return who earned most in a period, as (user id, points), the most first.

    What was taken back within the period is taken off. Ten minutes old at most.
    """

    def read() -> list[tuple[int, int]]:
        since = now() - timedelta(days=DAYS[period])
        earned: QuerySet[Entry, tuple[int, int]] = (
            Entry.objects.filter(created_at__gte=since, user__is_active=True)
            .values("user_id")
            .annotate(points=Sum("delta"))
            .filter(points__gt=0)
            .order_by("-points", "user_id")
            .values_list("user_id", "points")
        )
        return list(earned[:BOARD])

    # A board that moves with every vote is read for the movement.
    return cache.get_or_set(f"reputation:board:{period}", read, timeout=600) or []
