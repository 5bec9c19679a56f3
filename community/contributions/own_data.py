from collections.abc import Iterator, Mapping
from typing import Any

from accounts.models import User
from community.contributions.models import Contribution

FIELDS = (
    *("kind", "status", "external_login", "repository", "number", "title", "url"),
    *("points", "happened_at", "credited_at"),
)


def contributions(user: User) -> Iterator[Mapping[str, Any]]:
    """Yield merged work that a person was credited for."""
    yield from Contribution.objects.filter(user=user).order_by("pk").values(*FIELDS)
