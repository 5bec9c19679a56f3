"""Several changes of a topic as one: all of them, or none."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.models import User
from community.forum.models import Category, Topic
from community.forum.services.ideas import set_kind
from community.forum.services.moderation import move_topic, set_locked, set_pinned
from community.forum.services.writing import edit_post


@transaction.atomic
def edit_topic(
    topic: Topic,
    *,
    by: User,
    title: str = "",
    tags: Sequence[str] | None = None,
    category: Category | None = None,
    is_locked: bool | None = None,
    is_pinned: bool | None = None,
    pinned_until: datetime | None = None,
    kind: str = "",
) -> None:
    """Change what is given of a topic, and leave the rest."""
    opening = topic.posts.get(number=1)
    edit_post(opening, editor=by, title=title, tags=tags)
    if category is not None:
        move_topic(topic, by=by, category=category)
    if is_locked is not None and is_locked != topic.is_locked:
        set_locked(topic, by=by, is_locked=is_locked)
    pin = (is_pinned, pinned_until if is_pinned else None)
    if is_pinned is not None and pin != (topic.is_pinned, topic.pinned_until):
        set_pinned(topic, by=by, is_pinned=is_pinned, until=pinned_until)
    if kind:
        set_kind(topic, by=by, kind=kind)
