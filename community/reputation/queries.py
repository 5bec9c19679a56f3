"""What people have earned."""

from community.reputation.models import Balance


def points_of(user_id: int) -> int:
    """Return the points of a person, never below none."""
    points = Balance.objects.filter(pk=user_id).values_list("points", flat=True).first()
    return max(0, points or 0)
