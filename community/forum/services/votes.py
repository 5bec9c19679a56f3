"""Voting on posts."""

from django.db import transaction
from django.db.models import F

from accounts.models import User
from community.forum.exceptions import OwnPost
from community.forum.models import Post, Topic, Vote
from community.forum.services.limits import admit_vote
from community.forum.tagging import carry
from community.reputation import services as reputation
from community.standing.guards import require_may_take_part
from contracts.community import VoteCast
from outbox import publish


@transaction.atomic
def vote(post: Post, *, by: User, value: int, limited: bool = True) -> Post:
    """Set a user's vote on a post to 1, -1 or 0 (none).

    The post row is locked (for a first post the topic's before it): votes that come
    at once are counted one by one, and the same vote twice changes nothing. Raises
    ``Sanctioned``, ``OwnPost``, ``NoDownVotes`` or ``RateLimited``.
    """
    require_may_take_part(by)
    if post.author_id == by.pk:
        raise OwnPost
    if limited:
        admit_vote(by, value)
    return _vote(post, by=by, value=value)


@transaction.atomic
def void_vote(post: Post, *, of: User) -> int:
    """Take a vote back that was not honest; return what it was, 0 where there is none.

    The points go with it, by entries that point at those they reverse.
    """
    present = Vote.objects.filter(user=of, post=post).first()
    if present is None:
        return 0
    _vote(post, by=of, value=0)
    return present.value


@transaction.atomic
def restore_vote(post: Post, *, of: User, value: int) -> bool:
    """Cast a voided vote again, unless ``of`` voted anew; return whether it was."""
    if Vote.objects.filter(user=of, post=post).exists():
        return False
    _vote(post, by=of, value=value)
    return True


def _vote(post: Post, *, by: User, value: int) -> Post:
    if post.is_opening:
        Topic.objects.select_for_update(no_key=True).get(pk=post.topic_id)
    locked = Post.objects.select_for_update(no_key=True).get(pk=post.pk)
    present = Vote.objects.filter(user=by, post=locked).first()
    before = present.value if present else 0
    if before == value:
        return locked

    if value == 0:
        Vote.objects.filter(user=by, post=locked).delete()
    else:
        Vote.objects.update_or_create(user=by, post=locked, defaults={"value": value})
    change = value - before
    Post.objects.filter(pk=locked.pk).update(vote_score=F("vote_score") + change)
    if locked.is_opening:
        Topic.objects.filter(pk=locked.topic_id).update(
            vote_score=F("vote_score") + change
        )
        carry(locked.topic)
    _move_points(locked, by=by, value=value)
    publish(
        VoteCast(
            post_id=locked.pk, author_id=locked.author_id, voter_id=by.pk, value=value
        )
    )
    locked.vote_score += change
    return locked


def _move_points(post: Post, *, by: User, value: int) -> None:
    """Give or take the points of a vote; each change of mind is a new round."""
    upvoted = "question_upvoted" if post.is_opening else "answer_upvoted"
    base = f"vote:{post.pk}:{by.pk}"
    rounds = reputation.rounds_under(base)
    if rounds and reputation.is_standing(f"{base}:{rounds}"):
        reputation.reverse(f"{base}:{rounds}")
    if value == 0:
        return
    reputation.award(
        post.author_id,
        upvoted if value > 0 else "post_downvoted",
        source_kind="post",
        source_id=post.pk,
        idem_key=f"{base}:{rounds + 1}",
        actor_id=by.pk,
    )
