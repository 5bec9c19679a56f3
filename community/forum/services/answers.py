"""Marking the answer that solved a question."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from community.forum.exceptions import NotAnAnswer
from community.forum.indexing import index_topic
from community.forum.models import Post, Topic
from community.forum.services.locking import lock_post
from community.forum.tagging import carry
from community.reputation import services as reputation
from community.standing.guards import require_may_take_part
from contracts.community import AnswerAccepted, AnswerUnaccepted
from outbox import publish


@transaction.atomic
def accept_answer(answer: Post, *, by: User) -> Topic:
    """Mark ``answer`` as the solution of its topic, in place of any other.

    The topic row is locked so that of two accepted at once one stays, and the points
    with it; then the answer's, so that it cannot be hidden meanwhile. The same one
    again changes nothing. Raises ``Sanctioned`` or ``NotAnAnswer``.
    """
    require_may_take_part(by)
    topic, answer = lock_post(answer)
    if topic.solution_id == answer.pk:
        return topic
    if not topic.is_question or answer.is_opening or answer.hidden_at:
        raise NotAnAnswer

    topic = unaccept_answer(topic, by=by)
    topic.solution = answer
    topic.solved_at = timezone.now()
    topic.save(update_fields=["solution", "solved_at"])
    carry(topic)
    index_topic(topic)
    base = _base(topic, answer)
    if answer.author_id != topic.author_id:
        # Answering oneself helps the next reader, but earns nothing.
        reputation.award(
            answer.author_id,
            "answer_accepted",
            source_kind="post",
            source_id=answer.pk,
            idem_key=f"{base}:{reputation.rounds_under(base) + 1}",
            actor_id=by.pk,
        )
    publish(
        AnswerAccepted(
            answer_id=answer.pk,
            topic_id=topic.pk,
            author_id=answer.author_id,
            accepted_by_id=by.pk,
        )
    )
    return topic


@transaction.atomic
def unaccept_answer(topic: Topic, *, by: User) -> Topic:
    """Take the mark off again, and the points with it. Raises ``Sanctioned``."""
    require_may_take_part(by)
    locked = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    answer = locked.solution
    if answer is None:
        return locked
    locked.solution = None
    locked.solved_at = None
    locked.save(update_fields=["solution", "solved_at"])
    carry(locked)
    index_topic(locked)
    base = _base(locked, answer)
    reputation.reverse(f"{base}:{reputation.rounds_under(base)}")
    publish(
        AnswerUnaccepted(
            answer_id=answer.pk,
            topic_id=locked.pk,
            author_id=answer.author_id,
            unaccepted_by_id=by.pk,
        )
    )
    return locked


def _base(topic: Topic, answer: Post) -> str:
    """Return the key of an acceptance; each round of it is numbered."""
    return f"accepted:{topic.pk}:{answer.pk}"
