"""Remembering what was read, watched and begun."""

import logging

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import User
from community.forum.models import Draft, Post, Topic, TopicUser
from core.redis import client, prefixed
from notifications.services import mark_seen

logger = logging.getLogger(__name__)
VIEWS = "forum:views"


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


@transaction.atomic
def set_level(topic: Topic, *, user: User, level: str) -> None:
    """Follow a topic, or not, or not at all."""
    TopicUser.objects.update_or_create(
        user=user, topic=topic, defaults={"level": level}
    )


def count_view(topic: Topic) -> None:
    """Count a look at a topic. A lost count is fine here: it is a hint."""
    try:
        client().hincrby(prefixed(VIEWS), str(topic.pk), 1)
    except RedisError as error:
        logger.warning("forum.view_not_counted", extra={"error": str(error)})


def flush_views() -> int:
    """Add the counted looks to the topics; return how many topics there were."""
    try:
        pipeline = client().pipeline(transaction=True)
        pipeline.hgetall(prefixed(VIEWS))
        pipeline.delete(prefixed(VIEWS))
        counts = pipeline.execute()[0]
    except RedisError:
        return 0
    for topic_id, count in sorted(counts.items()):
        Topic.objects.filter(pk=int(topic_id)).update(
            view_count=F("view_count") + int(count)
        )
    return len(counts)


@transaction.atomic
def save_draft(user: User, key: str, body: dict[str, str]) -> None:
    """Keep a text that is not sent yet; an empty one is forgotten."""
    if not any(value.strip() for value in body.values()):
        Draft.objects.filter(user=user, key=key).delete()
        return
    Draft.objects.update_or_create(
        user=user, key=key[:60], defaults={"body": body, "saved_at": timezone.now()}
    )
