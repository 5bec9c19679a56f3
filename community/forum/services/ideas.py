"""Saying what becomes of an idea, and what a topic is."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.forum.cleaning import clean_text
from community.forum.exceptions import KindNotTaken, NotAnIdea, WordMissing
from community.forum.indexing import index_topic
from community.forum.models import IdeaDecision, Topic, first_state_of
from community.forum.permissions import can_announce
from community.forum.services.answers import unaccept_answer
from community.forum.tagging import carry
from contracts.community import IdeaDecided
from outbox import publish


@transaction.atomic
def set_idea_state(topic: Topic, *, by: User, state: str, word: str = "") -> Topic:
    """Put an idea into a state, with a word to those who wish for it.

    The topic row is locked; the same state with the same word is nothing. To be open
    again is the opposite of each other state. Raises ``NotAnIdea`` or ``WordMissing``.
    """
    locked = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    if not locked.is_idea:
        raise NotAnIdea
    word = clean_text(word)
    if state == Topic.IdeaState.DECLINED and not word:
        raise WordMissing
    before = locked.idea_state
    said = locked.decisions.order_by("-pk").values_list("word", flat=True).first() or ""
    if (before, said) == (state, word):
        return locked
    decision = IdeaDecision.objects.create(
        topic=locked, state=state, word=word, by=by, decided_at=timezone.now()
    )
    locked.idea_state = state
    locked.save(update_fields=["idea_state"])
    index_topic(locked)
    audit.record(
        "topic.decided",
        actor=by,
        target=f"topic:{locked.pk}",
        before={"state": before},
        after={"state": state, "word": word},
    )
    publish(
        IdeaDecided(
            topic_id=locked.pk,
            decision_id=decision.pk,
            state=state,
            before=before,
            decided_by_id=by.pk,
        )
    )
    return locked


@transaction.atomic
def set_kind(topic: Topic, *, by: User, kind: str) -> Topic:
    """Make a topic one of another kind; what only the old kind had is taken off.

    A question's answer is accepted no longer and its points go back; an idea begins
    open, or as it was last decided. Raises ``KindNotTaken`` where ``by`` may not
    announce.
    """
    locked = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    if locked.kind == kind:
        return locked
    if kind == Topic.Kind.ANNOUNCEMENT and not can_announce(by):
        raise KindNotTaken
    unaccept_answer(locked, by=by)
    locked.refresh_from_db()
    before = locked.kind
    locked.kind, locked.idea_state = kind, first_state_of(kind)
    if locked.is_idea:
        decided = locked.decisions.order_by("-pk").values_list("state", flat=True)
        locked.idea_state = decided.first() or locked.idea_state
    locked.save(update_fields=["kind", "idea_state"])
    carry(locked)
    # What was decided is shown, and found, of ideas only.
    index_topic(locked)
    audit.record(
        "topic.kind_changed",
        actor=by,
        target=f"topic:{locked.pk}",
        before={"kind": before},
        after={"kind": kind},
    )
    return locked
