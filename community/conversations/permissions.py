"""Who may write to whom."""

from collections.abc import Sequence

from django.db.models import Q

from accounts.models import User
from community.conversations.models import MessagePreference, Participant
from community.forum.permissions import can_moderate
from community.people.models import Stance


def who_takes_none(people: Sequence[User], *, sender: User) -> User | None:
    """Return the first of ``people`` who takes no messages of ``sender``.

    Moderators and staff reach everybody: what they say about the rules has to arrive.
    """
    if can_moderate(sender):
        return None
    keys = [person.pk for person in people]
    closed = _blocking(keys, sender) | _out_of_reach(keys, sender)
    return next((person for person in people if person.pk in closed), None)


def is_blocked_in(conversation_id: int, *, sender: User) -> bool:
    """Tell whether all others of a conversation have blocked ``sender``, or left.

    In a group one person's block silences nobody for the others: it keeps from the one
    who blocks that anything is told of ``sender``.
    """
    others = Participant.objects.filter(conversation=conversation_id, left_at=None)
    keys = list(others.exclude(user=sender).values_list("user_id", flat=True))
    return not can_moderate(sender) and _blocking(keys, sender) >= set(keys)


def _blocking(keys: Sequence[int], sender: User) -> set[int]:
    blocks = Stance.objects.filter(user__in=keys, person=sender, kind=Stance.Kind.BLOCK)
    return set(blocks.values_list("user_id", flat=True))


def _out_of_reach(keys: Sequence[int], sender: User) -> set[int]:
    follow = Stance.objects.filter(
        user__in=keys, person=sender, kind=Stance.Kind.FOLLOW
    )
    closed = Q(messages_from=MessagePreference.From.NOBODY) | Q(
        messages_from=MessagePreference.From.FOLLOWED
    ) & ~Q(user__in=follow.values("user"))
    return set(
        MessagePreference.objects.filter(closed, user__in=keys).values_list(
            "pk", flat=True
        )
    )
