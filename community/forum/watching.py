"""What a reader chose for one thing they may follow."""

from typing import Any

from accounts.models import User
from community.forum.models import Category, Person, PlaceWatch, Tag, WatchLevel


def watch_level(place: Category | Tag | None, user: Person) -> str:
    """Return how closely ``user`` follows a place; nothing for a visitor."""
    if place is None or not isinstance(user, User):
        return ""
    kind = "category" if isinstance(place, Category) else "tag"
    followed: dict[str, Any] = {"user": user, kind: place}
    chosen = PlaceWatch.objects.filter(**followed).values_list("level", flat=True)
    return chosen.first() or WatchLevel.NORMAL
