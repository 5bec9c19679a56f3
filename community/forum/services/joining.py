"""Joining topics and splitting them: posts move, and keep all that is theirs.

A post that moves keeps its author, its dates, its votes, comments, reactions, bookmarks
and its own address; it takes the next number of the topic it comes to, or the one it
had there before. Both topics are locked, in the order of their keys.
"""

from collections.abc import Collection, Sequence

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.forum.cleaning import clean_title
from community.forum.exceptions import CannotJoin, CannotSplit, NotJoined
from community.forum.indexing import index_reply, index_topic
from community.forum.models import (
    Category,
    MovedPost,
    Post,
    Topic,
    TopicTag,
    first_state_of,
)
from community.forum.services.answers import accept_answer, unaccept_answer
from community.forum.services.counters import count_topic, recount_topic
from community.forum.tagging import carry, lock_tags
from contracts.community import PostsMoved
from outbox import publish
from search import services as search

# Some pages of a topic, and a second of work; what is more is moved in steps.
MOST_SPLIT = 200

# A post that was here before takes the place it had; the others come after all numbers
# that were ever given, in the order they stand in.
_MOVE = """
WITH coming AS (
  SELECT post.id, post.topic_id AS old_topic, post.number AS old_number,
         place.number AS own_number,
         row_number() OVER (PARTITION BY place.id IS NULL ORDER BY post.number) AS nth
    FROM forum_post AS post
    LEFT JOIN forum_movedpost AS place
      ON place.post_id = post.id AND place.topic_id = %(into)s
   WHERE post.id = ANY(%(posts)s)
), left_behind AS (
  INSERT INTO forum_movedpost (topic_id, number, post_id)
  SELECT old_topic, old_number, id FROM coming
), returned AS (
  DELETE FROM forum_movedpost AS place USING coming
   WHERE place.post_id = coming.id AND place.topic_id = %(into)s
)
UPDATE forum_post AS post
   SET topic_id = %(into)s,
       number = coalesce(coming.own_number, %(highest)s + coming.nth),
       -- Ids within a post begin with its number: such a post is rendered anew.
       render_version = CASE WHEN post.html LIKE '%%"post-' || post.number || '%%'
                             THEN 0 ELSE post.render_version END
  FROM coming WHERE post.id = coming.id
"""
# Who listened to one topic listens to both. Who had read both to the end has read them
# still; everybody else finds what came as new. Who muted the other one keeps it muted.
_JOIN_READERS = """
INSERT INTO forum_topicuser AS kept (user_id, topic_id, last_read_number, level)
SELECT user_id, %(into)s, 0, level FROM forum_topicuser WHERE topic_id = %(topic)s
ON CONFLICT (user_id, topic_id) DO UPDATE SET
  level = CASE WHEN kept.level = 'normal' AND excluded.level = 'watching'
               THEN 'watching' ELSE kept.level END,
  last_read_number = CASE
    WHEN kept.last_read_number >= %(before)s AND EXISTS (
      SELECT 1 FROM forum_topicuser AS other
       WHERE other.user_id = kept.user_id AND other.topic_id = %(topic)s
         AND other.last_read_number >= %(source)s)
    THEN %(after)s ELSE kept.last_read_number END
"""
# Who listened goes on to, and has read as many of the posts as they had read before.
_SPLIT_READERS = """
INSERT INTO forum_topicuser (user_id, topic_id, last_read_number, level)
SELECT reader.user_id, %(into)s, coalesce(max(post.number), 0), reader.level
  FROM forum_topicuser AS reader
  LEFT JOIN forum_movedpost AS place
    ON place.topic_id = reader.topic_id AND place.number <= reader.last_read_number
  LEFT JOIN forum_post AS post
    ON post.id = place.post_id AND post.topic_id = %(into)s
 WHERE reader.topic_id = %(topic)s
 GROUP BY reader.user_id, reader.level
ON CONFLICT (user_id, topic_id) DO NOTHING
"""


@transaction.atomic
def join_topics(topic: Topic, *, into: Topic, by: User) -> Topic:
    """Move all posts of ``topic`` behind those of ``into``, and lead its address there.

    What solved it stays accepted where ``into`` is a question without a solution.
    Returns ``into``. Raises ``CannotJoin``.
    """
    source, target = _locked(topic, into)
    if source.pk == target.pk or any(
        each.hidden_at or each.merged_into_id for each in (source, target)
    ):
        raise CannotJoin
    solution = source.solution
    unaccept_answer(source, by=by)
    before = target.highest_number
    posts = list(source.posts.order_by("number").values_list("pk", flat=True))
    _move(posts, source=source, target=target, by=by)
    count_topic(source, -1)
    Topic.objects.filter(pk=source.pk).update(
        hidden_at=timezone.now(),
        merged_into=target,
        pinned_at=None,
        pinned_until=None,
    )
    # Of topics that were joined to it before, the address leads straight on.
    Topic.objects.filter(merged_into=source).update(merged_into=target)
    target.refresh_from_db()
    _execute(
        _JOIN_READERS,
        topic=source.pk,
        into=target.pk,
        before=before,
        source=source.highest_number,
        after=target.highest_number,
    )
    is_free = target.is_question and not target.is_solved
    if solution is not None and is_free and not solution.hidden_at:
        accept_answer(solution, by=by)
        target.refresh_from_db()
    _index(posts, source=source, target=target)
    _record("topic.joined", source, target, by=by, count=len(posts))
    return target


@transaction.atomic
def unjoin_topic(topic: Topic, *, by: User) -> Topic:
    """Take a topic that was joined to another out again; what was written since stays.

    Raises ``NotJoined``.
    """
    if topic.merged_into is None:
        raise NotJoined
    target, source = _locked(topic.merged_into, topic)
    if source.merged_into_id != target.pk:
        raise NotJoined
    there = MovedPost.objects.filter(topic=source, post__topic=target)
    posts = list(there.order_by("number").values_list("post_id", flat=True))
    if not there.filter(number=1).exists():
        raise NotJoined
    solution = target.solution if target.solution_id in posts else None
    if solution:
        unaccept_answer(target, by=by)
    # Its first post may have been hidden where it was.
    opening = Post.objects.get(pk=posts[0])
    Topic.objects.filter(pk=source.pk).update(
        hidden_at=opening.hidden_at, merged_into=None
    )
    _move(posts, source=target, target=source, by=by)
    # What had been joined to it before goes with it.
    inner = MovedPost.objects.filter(number=1, post__in=posts).values("topic")
    Topic.objects.filter(merged_into=target, pk__in=inner).update(merged_into=source)
    source.refresh_from_db()
    if not source.hidden_at:
        count_topic(source, 1)
    if solution is not None and source.is_question:
        accept_answer(solution, by=by)
        source.refresh_from_db()
    _index(posts, source=target, target=source)
    _record("topic.unjoined", source, target, by=by, count=len(posts))
    return source


@transaction.atomic
def split_topic(
    topic: Topic,
    *,
    numbers: Collection[int],
    title: str,
    category: Category,
    kind: str,
    by: User,
) -> Topic:
    """Make some replies of a topic one of their own; its first post is the oldest.

    It has the tags of the old one. Raises ``CannotSplit``.
    """
    source = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    chosen = source.posts.filter(number__in=numbers, hidden_at=None)
    posts = list(chosen.order_by("number"))
    wrong = len(posts) != len(set(numbers)) or 1 in numbers
    if not posts or wrong or len(posts) > MOST_SPLIT or source.hidden_at:
        raise CannotSplit
    if source.solution_id in {post.pk for post in posts}:
        unaccept_answer(source, by=by)
    first = posts[0]
    target = Topic.objects.create(
        category=category,
        kind=kind,
        idea_state=first_state_of(kind),
        title=clean_title(title),
        author_id=first.author_id,
        locale=source.locale,
        created_at=first.created_at,
        bumped_at=first.created_at,
    )
    TopicTag.objects.bulk_create(
        TopicTag(topic=target, tag=tag, bumped_at=target.bumped_at)
        # Locked, so that none of them is merged into another one meanwhile.
        for tag in lock_tags(source.tags.values_list("name", flat=True))
    )
    _move([post.pk for post in posts], source=source, target=target, by=by)
    count_topic(target, 1)
    _execute(_SPLIT_READERS, topic=source.pk, into=target.pk)
    target.refresh_from_db()
    _index([post.pk for post in posts], source=source, target=target)
    _record("topic.split", source, target, by=by, count=len(posts))
    return target


def find_moved_post(topic_id: int, number: int) -> Post | None:
    """Return the post that had a number in a topic, where it is now."""
    moved = MovedPost.objects.filter(topic=topic_id, number=number)
    place = moved.select_related("post__topic__category").first()
    return place.post if place else None


def _locked(*topics: Topic) -> list[Topic]:
    """Return topics, locked in the order of their keys, in the order given."""
    rows = Topic.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    found = {
        row.pk: row
        for row in rows.select_related("category", "solution").filter(
            pk__in=[topic.pk for topic in topics]
        )
    }
    return [found[topic.pk] for topic in topics]


def _move(posts: Sequence[int], *, source: Topic, target: Topic, by: User) -> None:
    highest = max(
        target.highest_number,
        target.posts.aggregate(most=Max("number"))["most"] or 0,
    )
    _execute(_MOVE, into=target.pk, posts=list(posts), highest=highest)
    for topic in (source, target):
        recount_topic(topic)
        carry(topic)
    publish(
        PostsMoved(
            topic_id=source.pk,
            into_topic_id=target.pk,
            count=len(posts),
            moved_by_id=by.pk,
        )
    )


def _index(posts: Sequence[int], *, source: Topic, target: Topic) -> None:
    """Let both topics be found as they are now, and what moved where it is now."""
    left = MovedPost.objects.filter(topic=source, post__in=posts)
    for number in left.values_list("number", flat=True):
        search.remove("topic", source.pk, part=number)
    both = Topic.objects.select_related("category", "solution")
    for topic in both.filter(pk__in=[source.pk, target.pk]):
        index_topic(topic)
    moved = Post.objects.filter(pk__in=posts, number__gt=1)
    for post in moved.select_related("topic__category").order_by("number"):
        index_reply(post)


def _execute(statement: str, **values: int | list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _record(action: str, source: Topic, target: Topic, *, by: User, count: int) -> None:
    audit.record(
        action,
        actor=by,
        target=f"topic:{source.pk}",
        after={"topic": target.pk, "posts": count},
    )
