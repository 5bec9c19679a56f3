"""The counters of a topic, when posts come and go."""

from django.db import connection
from django.db.models import F

from community.forum.models import Category, Topic
from community.forum.tagging import carry, count_in_tags

# Of posts in another order than they were written, the last is the youngest.
_RECOUNT = """
UPDATE forum_topic AS topic SET
  reply_count = (SELECT count(*) FROM forum_post p
                  WHERE p.topic_id = topic.id AND p.number > 1 AND p.hidden_at IS NULL),
  highest_number = coalesce(greatest(
    (SELECT max(p.number) FROM forum_post p WHERE p.topic_id = topic.id),
    (SELECT max(m.number) FROM forum_movedpost m WHERE m.topic_id = topic.id)), 0),
  vote_score = coalesce((SELECT p.vote_score FROM forum_post p
                          WHERE p.topic_id = topic.id AND p.number = 1), 0),
  last_poster_id = coalesce(last.author_id, topic.last_poster_id),
  bumped_at = coalesce(last.created_at, topic.bumped_at)
 FROM (SELECT 1) AS one LEFT JOIN LATERAL (
   SELECT author_id, created_at FROM forum_post
    WHERE topic_id = %(topic)s AND hidden_at IS NULL
    ORDER BY created_at DESC, number DESC LIMIT 1) AS last ON true
WHERE topic.id = %(topic)s
"""


def count_topic(topic: Topic, change: int) -> None:
    """Count a topic in or out, in its tags and its category."""
    count_in_tags(topic.tags.all(), topic.category.visibility, change)
    Category.objects.filter(pk=topic.category_id).update(
        topic_count=F("topic_count") + change
    )


def count_reply(topic: Topic, change: int) -> None:
    """Count a reply in or out; the list shows the last one that can be seen."""
    last = topic.posts.filter(hidden_at=None).order_by("-created_at", "-number").first()
    Topic.objects.filter(pk=topic.pk).update(reply_count=F("reply_count") + change)
    if last is None:
        return
    Topic.objects.filter(pk=topic.pk).update(
        last_poster=last.author_id, bumped_at=last.created_at
    )
    carry(topic)


def recount_topic(topic: Topic) -> None:
    """Set every counter of a topic, whose row is locked, to what it counts."""
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, {"topic": topic.pk})
