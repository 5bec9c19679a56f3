"""What an organisation's cache did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, QuerySet, Sum

from inference.keys.models import ApiKey
from inference.usage.models import UsageEvent

# Keys a page lists, those that save most first; nobody has more that cache.
MOST_KEYS = 50


@dataclass(frozen=True, slots=True)
class Savings:
    """What a key was given again, and what that was sold for the first time.

    ``saved_nano`` in billionths of a dollar.
    """

    key: str
    answers: int
    saved_nano: int


def caching_keys(organisation_id: int) -> QuerySet[ApiKey]:
    """Return the keys that take answers from the cache now."""
    keys = ApiKey.objects.managed().usable().filter(organisation_id=organisation_id)
    return keys.exclude(cache_seconds=None).order_by("name", "pk")[:MOST_KEYS]


def savings_of(organisation_id: int, *, since: datetime) -> list[Savings]:
    """Return what each key saved since a moment, the most first. One query."""
    events = UsageEvent.objects.filter(
        organisation_id=organisation_id,
        occurred_at__gte=since,
        saved_nano__isnull=False,
    )
    rows: Any = (
        events.values(name=F("key__name"))
        .annotate(answers=Count("pk"), saved=Sum("saved_nano"))
        .order_by("-saved", "name")[:MOST_KEYS]
    )
    return [
        Savings(row["name"] or "", int(row["answers"]), int(row["saved"]))
        for row in rows
    ]
