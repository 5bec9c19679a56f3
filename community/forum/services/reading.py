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


# What is new to a reader is counted to the day, a page's worth at most: who jumps to
# the end of a long topic has not read it. Two tabs that open at once may both count.
_READ = """
WITH before AS (
  SELECT last_read_number AS number FROM forum_topicuser
   WHERE user_id = %(user)s AND topic_id = %(topic)s
), kept AS (
  INSERT INTO forum_topicuser AS present (user_id, topic_id, last_read_number, level)
  VALUES (%(user)s, %(topic)s, %(number)s, 'normal')
  ON CONFLICT (user_id, topic_id) DO UPDATE
  SET last_read_number = greatest(present.last_read_number, excluded.last_read_number)
  RETURNING last_read_number AS number
), news AS (
  SELECT kept.number - coalesce(before.number, 0) AS posts,
         (coalesce(before.number, 0) = 0)::int AS topics
    FROM kept LEFT JOIN before ON true
)
INSERT INTO forum_readingday AS today (user_id, day, topics, posts)
SELECT %(user)s, (now() AT TIME ZONE 'UTC')::date, topics, least(posts, %(page)s)
  FROM news WHERE posts > 0
ON CONFLICT (user_id, day) DO UPDATE
SET topics = today.topics + excluded.topics, posts = today.posts + excluded.posts
"""


def mark_read(topic: Topic, *, user: User, number: int) -> None:
    """Note that ``user`` has read up to post ``number``; never backwards."""
    with connection.cursor() as cursor:
        cursor.execute(
            _READ,
            {
                "user": user.pk,
                "topic": topic.pk,
                "number": number,
                # As many posts as a page of a topic shows.
                "page": 30,
            },
        )
    # What the bell said of it was read with it, so the next reply is news again.
    mark_seen(user, "post", Post.objects.filter(topic=topic, number__lte=number))


def mark_decision_read(topic: Topic, *, user: User) -> None:
    """Note that ``user`` has seen what became of an idea, so that the bell is quiet."""
    mark_seen(user, "topic", Topic.objects.filter(pk=topic.pk))


def mark_comments_read(comments: Iterable[Comment], *, user: User) -> None:
    """Note that ``user`` has seen these comments, so that the bell is quiet."""
    keys = [comment.pk for comment in comments if comment.author_id != user.pk]
    if keys:
        mark_seen(user, "comment", Comment.objects.filter(pk__in=keys))


@transaction.atomic
def set_level(topic: Topic, *, user: User, level: str) -> None:
    """Follow a topic, or not, or not at all."""
    TopicUser.objects.update_or_create(
        user=user, topic=topic, defaults={"level": level, "is_chosen": True}
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
