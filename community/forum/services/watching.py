"""Choosing how closely a category or a tag is followed."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from community.forum.models import Category, PlaceWatch, Tag, WatchLevel


@transaction.atomic
def set_watch(place: Category | Tag, *, user: User, level: str) -> None:
    """Follow a category or a tag so closely; normal is no row."""
    kind = "category" if isinstance(place, Category) else "tag"
    followed: dict[str, Any] = {"user": user, kind: place}
    if level == WatchLevel.NORMAL:
        PlaceWatch.objects.filter(**followed).delete()
        return
    PlaceWatch.objects.update_or_create(
        **followed,
        defaults={"level": level, "chosen_at": timezone.now()},
    )
