from collections.abc import Iterator, Mapping
from typing import Any

from accounts.models import User
from community.reputation.models import Entry


def points(user: User) -> Iterator[Mapping[str, Any]]:
    """Yield every entry of a person's points."""
    entries = Entry.objects.filter(user=user).order_by("pk")
    yield from entries.values("reason", "delta", "created_at")
