"""What moderators do; each act is on record."""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.forum.indexing import index_topic
from community.forum.models import Category, Post, Tag, Topic
from community.forum.services.answers import unaccept_answer


@transaction.atomic
def hide_post(post: Post, *, by: User, reason: str) -> Post:
    """Take a post out of sight; with the first post goes its topic."""
    locked = Post.objects.select_for_update().select_related("topic").get(pk=post.pk)
    if locked.hidden_at:
        return locked
    topic = Topic.objects.select_for_update().get(pk=locked.topic_id)
    locked.hidden_at, locked.hidden_by = timezone.now(), by
    locked.hidden_reason = reason[:300]
    locked.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    if locked.is_opening:
        Topic.objects.filter(pk=topic.pk).update(hidden_at=locked.hidden_at)
        Category.objects.filter(pk=topic.category_id).update(
            topic_count=F("topic_count") - 1
        )
        Tag.objects.filter(topics=topic).update(topic_count=F("topic_count") - 1)
    else:
        Topic.objects.filter(pk=topic.pk).update(reply_count=F("reply_count") - 1)
    if topic.solution_id == locked.pk:
        unaccept_answer(topic, by=by)
    index_topic(Topic.objects.get(pk=topic.pk))
    _record("post.hidden", by, locked, {"reason": reason})
    return locked


@transaction.atomic
def restore_post(post: Post, *, by: User) -> Post:
    """Bring a hidden post back."""
    locked = Post.objects.select_for_update().select_related("topic").get(pk=post.pk)
    if not locked.hidden_at:
        return locked
    locked.hidden_at = locked.hidden_by = None
    locked.hidden_reason = ""
    locked.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    if locked.is_opening:
        Topic.objects.filter(pk=locked.topic_id).update(hidden_at=None)
        Category.objects.filter(pk=locked.topic.category_id).update(
            topic_count=F("topic_count") + 1
        )
        Tag.objects.filter(topics=locked.topic_id).update(
            topic_count=F("topic_count") + 1
        )
    else:
        Topic.objects.filter(pk=locked.topic_id).update(
            reply_count=F("reply_count") + 1
        )
    index_topic(Topic.objects.get(pk=locked.topic_id))
    _record("post.restored", by, locked, {})
    return locked


@transaction.atomic
def set_locked(topic: Topic, *, by: User, is_locked: bool) -> None:
    """Close a topic to replies, or open it again."""
    Topic.objects.filter(pk=topic.pk).update(
        locked_at=timezone.now() if is_locked else None
    )
    audit.record(
        "topic.locked" if is_locked else "topic.unlocked",
        actor=by,
        target=f"topic:{topic.pk}",
    )


@transaction.atomic
def set_pinned(topic: Topic, *, by: User, is_pinned: bool) -> None:
    """Keep a topic on top of its lists, or not."""
    Topic.objects.filter(pk=topic.pk).update(
        pinned_at=timezone.now() if is_pinned else None
    )
    audit.record(
        "topic.pinned" if is_pinned else "topic.unpinned",
        actor=by,
        target=f"topic:{topic.pk}",
    )


@transaction.atomic
def move_topic(topic: Topic, *, by: User, category: Category) -> None:
    """Put a topic into another category; who may find it changes with it."""
    locked = Topic.objects.select_for_update().get(pk=topic.pk)
    before = locked.category_id
    if before == category.pk:
        return
    locked.category = category
    locked.save(update_fields=["category"])
    if not locked.hidden_at:
        Category.objects.filter(pk=before).update(topic_count=F("topic_count") - 1)
        Category.objects.filter(pk=category.pk).update(topic_count=F("topic_count") + 1)
    index_topic(locked)
    audit.record(
        "topic.moved",
        actor=by,
        target=f"topic:{topic.pk}",
        before={"category": before},
        after={"category": category.pk},
    )


def _record(action: str, by: User, post: Post, after: dict[str, Any]) -> None:
    audit.record(action, actor=by, target=f"post:{post.pk}", after=after)
