"""Remembering what was read and watched."""

from collections import Counter
from collections.abc import Iterable, Mapping

from django.db import connection, transaction
from django.db.models import F
from redis.exceptions import RedisError

from accounts.models import User
from community.forum.models import Comment, Post, Topic, TopicUser
from notifications.services import mark_seen
from outbox.buffers import Buffer

# A day of very many looks; what is beyond it is a hint nobody misses.
VIEWS = Buffer("forum:viewed", limit=100_000)


def mark_read(topic: Topic, *, user: User, number: int) -> None:
    """Note that ``user`` has read up to post ``number``; never backwards."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO forum_topicuser AS kept (user_id, topic_id, last_read_number, level)"
            " VALUES (%s, %s, %s, 'normal') ON CONFLICT (user_id, topic_id) DO UPDATE"
            " SET last_read_number = GREATEST(kept.last_read_number, excluded.last_read_number)",
            [user.pk, topic.pk, number],
        )
    # What the bell said of it was read with it, so the next reply is news again.
    mark_seen(user, "post", Post.objects.filter(topic=topic, number__lte=number))


def mark_comments_read(comments: Iterable[Comment], *, user: User) -> None:
    """Note that ``user`` has seen these comments, so that the bell is quiet."""
    keys = [comment.pk for comment in comments if comment.author_id != user.pk]
    if keys:
        mark_seen(user, "comment", Comment.objects.filter(pk__in=keys))


@transaction.atomic
def set_level(topic: Topic, *, user: User, level: str) -> None:
    """Follow a topic, or not, or not at all."""
    TopicUser.objects.update_or_create(
        user=user, topic=topic, defaults={"level": level}
    )


def record_view(topic: Topic) -> None:
    """Count a look at a topic. A lost count is fine here: it is a hint."""
    VIEWS.add(str(topic.pk))


def flush_views() -> int:
    """Add the counted looks to the topics and return how many looks there were."""
    try:
        return VIEWS.flush(_add_views)
    except RedisError:
        # The next run finds what is still there.
        return 0


def add_views(looks: Mapping[int, int]) -> None:
    """Add looks to topics, by their ids; rows are locked in one order everywhere."""
    for topic_id, count in sorted(looks.items()):
        Topic.objects.filter(pk=topic_id).update(view_count=F("view_count") + count)


def _add_views(items: list[bytes]) -> int:
    add_views(Counter(map(int, items)))
    return len(items)
