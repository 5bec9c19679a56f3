"""Asking for a person's standing, at one query a question."""

from accounts.models import User
from community.standing.models import Level, Sanction, Trust
from community.standing.privileges import PRIVILEGES, Privileges


def level_of(person: User) -> Level:
    """Return how far ``person`` is trusted; the team always, as leaders are."""
    if person.is_staff or person.is_moderator:
        return Level.LEADER
    kept = Trust.objects.filter(pk=person.pk).values_list("level", flat=True).first()
    return Level(kept or Level.NEWCOMER)


def privileges_of(person: User) -> Privileges:
    """Return what ``person`` may do at their level."""
    return PRIVILEGES[level_of(person)]


def sanction_on(person: User) -> Sanction | None:
    """Return what is imposed on ``person`` now; of two the suspension."""
    found = Sanction.objects.in_force().filter(user=person)
    # "suspension" is behind "silence".
    return found.order_by("-kind").first()
