"""What the foundation itself wants settled before a person leaves."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import User
from accounts.queries import teams_without_another_owner
from privacy.registry import Obstacle, register_obstacles


def duties(user: User) -> Iterator[Obstacle]:
    """Yield the power a person has, and the teams that would have no owner."""
    if user.is_staff or user.is_moderator or user.is_superuser:
        yield Obstacle(
            gettext(
                "You are staff or a moderator. Have another member of staff take that "
                "from you first."
            ),
            reverse("accounts:profile-settings"),
            gettext("Your profile"),
        )
    for team in teams_without_another_owner(user).order_by("pk"):
        yield Obstacle(
            gettext(
                "You are the only owner of %(team)s, which has other members. Make one "
                "of them an owner, or remove them."
            )
            % {"team": team.name},
            reverse("accounts:member-list", args=[team.slug]),
            gettext("Members"),
        )


def register() -> None:
    """Bring these obstacles."""
    register_obstacles(duties)
