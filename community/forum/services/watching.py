"""Choosing how closely a category, a tag or a person is followed."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from community.forum.exceptions import WatchesOneself
from community.forum.models import Category, Tag, Watch, WatchLevel


@transaction.atomic
def set_watch(thing: Category | Tag | User, *, user: User, level: str) -> None:
    """Follow ``thing`` so closely; normal is no row. Raises ``WatchesOneself``."""
    if isinstance(thing, User) and thing.pk == user.pk:
        raise WatchesOneself
    kind = {Category: "category", Tag: "tag", User: "person"}[type(thing)]
    followed: dict[str, Any] = {"user": user, kind: thing}
    if level == WatchLevel.NORMAL:
        Watch.objects.filter(**followed).delete()
        return
    Watch.objects.update_or_create(
        **followed,
        defaults={"level": level, "chosen_at": timezone.now()},
    )
