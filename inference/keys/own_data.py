from collections.abc import Iterator, Mapping
from typing import Any

from accounts.models import User
from accounts.queries import own_organisations
from inference.keys.models import ApiKey

FIELDS = (
    *("organisation__slug", "name", "prefix", "last4", "created_at", "expires_at"),
    *("last_used_on", "revoked_at"),
)


def keys(user: User) -> Iterator[Mapping[str, Any]]:
    """Yield the keys of organisations that are a person's alone, without secrets."""
    mine = ApiKey.objects.filter(organisation__in=own_organisations(user))
    yield from mine.order_by("pk").values(*FIELDS)
