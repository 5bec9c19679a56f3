from collections.abc import Iterator, Mapping
from typing import Any

from accounts.models import User
from community.people.models import Stance


def stances(user: User) -> Iterator[Mapping[str, Any]]:
    """Yield whom a person follows, mutes and blocks."""
    mine = Stance.objects.visible_to(user).order_by("pk")
    yield from mine.values("kind", "person__username", "created_at")
