"""What moderators do; each act is on record."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.forum.indexing import index_replies, index_reply, index_topic
from community.forum.models import Category, Post, PostRevision, Topic
from community.forum.services.answers import unaccept_answer
from community.forum.services.counters import count_reply, count_topic
from community.forum.services.locking import lock_post
from community.forum.tagging import count_in_tags
from community.standing.guards import require_may_take_part, require_may_write


@transaction.atomic
def hide_post(post: Post, *, by: User | None, reason: str) -> Post:
    """Take a post out of sight; with the first post goes its topic.

    Reports alone hide a post by nobody, and never an accepted answer: the asker
    vouched for it. Raises ``Sanctioned``.
    """
    if by is not None:
        require_may_take_part(by)
    topic, locked = lock_post(post)
    is_solution = topic.solution_id == locked.pk
    if locked.hidden_at or (is_solution and by is None):
        return locked
    locked.hidden_at, locked.hidden_by = timezone.now(), by
    locked.hidden_reason = reason
    locked.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    if locked.is_opening:
        Topic.objects.filter(pk=topic.pk).update(hidden_at=locked.hidden_at)
        count_topic(topic, -1)
    else:
        count_reply(topic, -1)
    if is_solution and by is not None:
        unaccept_answer(topic, by=by)
    _index_again(locked)
    _record("post.hidden", by, locked, {"reason": reason})
    return locked


@transaction.atomic
def restore_post(post: Post, *, by: User) -> Post:
    """Bring a hidden post back. Raises ``Sanctioned``."""
    require_may_write(by)
    topic, locked = lock_post(post)
    if not locked.hidden_at:
        return locked
    locked.hidden_at = locked.hidden_by = None
    locked.hidden_reason = ""
    locked.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
    if locked.is_opening:
        Topic.objects.filter(pk=topic.pk).update(hidden_at=None)
        count_topic(topic, 1)
    else:
        count_reply(topic, 1)
    _index_again(locked)
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
def set_pinned(
    topic: Topic, *, by: User, is_pinned: bool, until: datetime | None = None
) -> None:
    """Keep a topic on top of its lists, for good or until a time; or no longer."""
    Topic.objects.filter(pk=topic.pk).update(
        pinned_at=timezone.now() if is_pinned else None,
        pinned_until=until if is_pinned else None,
    )
    audit.record(
        "topic.pinned" if is_pinned else "topic.unpinned",
        actor=by,
        target=f"topic:{topic.pk}",
    )


def pin_end(days: int) -> datetime | None:
    """Return when a pin of so many days, from now on, ends; without days it stays."""
    return timezone.now() + timedelta(days=days) if days else None


@transaction.atomic
def move_topic(topic: Topic, *, by: User, category: Category) -> None:
    """Put a topic into another category; who may find it changes with it."""
    locked = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    before, shown_to = locked.category_id, locked.category.visibility
    if before == category.pk:
        return
    locked.category = category
    locked.save(update_fields=["category"])
    if not locked.hidden_at:
        tags = list(locked.tags.all())
        count_in_tags(tags, shown_to, -1)
        count_in_tags(tags, category.visibility, 1)
        for pk, change in sorted({before: -1, category.pk: 1}.items()):
            Category.objects.filter(pk=pk).update(topic_count=F("topic_count") + change)
    index_topic(locked)
    audit.record(
        "topic.moved",
        actor=by,
        target=f"topic:{topic.pk}",
        before={"category": before},
        after={"category": category.pk},
    )


@transaction.atomic
def set_revision_hidden(revision: PostRevision, *, by: User, is_hidden: bool) -> None:
    """Keep what a post said before an edit from its readers, or show it again."""
    PostRevision.objects.filter(pk=revision.pk).update(
        hidden_at=timezone.now() if is_hidden else None
    )
    audit.record(
        "revision.hidden" if is_hidden else "revision.restored",
        actor=by,
        target=f"post:{revision.post_id}",
        after={"revision": revision.number},
    )


def _index_again(post: Post) -> None:
    """Let a post be found, or not, as it is now; with the first one go all."""
    post.topic = Topic.objects.select_related("category", "solution").get(
        pk=post.topic_id
    )
    if not post.is_opening:
        index_reply(post)
        return
    index_topic(post.topic)
    if not post.topic.hidden_at:
        index_replies(post.topic)


def _record(action: str, by: User | None, post: Post, after: dict[str, Any]) -> None:
    audit.record(action, actor=by, target=f"post:{post.pk}", after=after)
