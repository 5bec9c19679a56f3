"""Reacting to a post, and taking it back."""

from django.db import connection, transaction

from accounts.models import User
from community.forum.exceptions import PostHidden
from community.forum.models import Post, Reaction
from community.standing.guards import require_may_take_part
from stores import limiter

# Of two at once the index lets one in; only who came in is counted, so that the count
# is right however many react in the same moment, and however often one of them does.
_ADD = """
WITH came AS (
  INSERT INTO forum_reaction (user_id, post_id, kind, created_at)
  VALUES (%(user)s, %(post)s, %(kind)s, now())
  ON CONFLICT (post_id, user_id, kind) DO NOTHING
  RETURNING post_id, kind
)
INSERT INTO forum_reactioncount AS kept (post_id, kind, count)
SELECT post_id, kind, 1 FROM came
ON CONFLICT (post_id, kind) DO UPDATE SET count = kept.count + 1
"""
_REMOVE = """
WITH went AS (
  DELETE FROM forum_reaction
   WHERE user_id = %(user)s AND post_id = %(post)s AND kind = %(kind)s
  RETURNING post_id, kind
)
UPDATE forum_reactioncount AS kept SET count = kept.count - 1
  FROM went WHERE kept.post_id = went.post_id AND kept.kind = went.kind
"""


@transaction.atomic
def set_reaction(
    post: Post, *, by: User, kind: Reaction.Kind, is_on: bool, limited: bool = True
) -> None:
    """Have ``by`` react to a post in one way, or no longer; the same again is nothing.

    Raises ``Sanctioned``, ``PostHidden`` or ``RateLimited``.
    """
    require_may_take_part(by)
    if limited:
        # Four times what Discourse lets its members like in a day: they are five kinds,
        # each can be taken back, and none earns anything.
        limiter.check("reaction", by.pk, limit=200, period=86_400)
    if is_on:
        # Locked, so that it is not hidden in the meantime.
        locked = Post.objects.select_for_update(no_key=True).get(pk=post.pk)
        if locked.hidden_at:
            raise PostHidden
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD if is_on else _REMOVE,
            {"user": by.pk, "post": post.pk, "kind": str(kind)},
        )
