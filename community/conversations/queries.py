"""Reading conversations for their pages, at one cost for any number of people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accounts.models import User
from community.conversations.models import (
    Participant,
    PrivateConversation,
    PrivateMessage,
    Reach,
)
from edge.pagination import CursorPage, paginate

# As many as fit on two screens; a topic shows thirty posts.
WINDOW = 50
# Of ten thousand characters at most: some megabytes.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation as a person's list shows it."""

    conversation: PrivateConversation
    people: list[User]
    unread: int


def list_conversations(user: User, cursor: str) -> CursorPage[Participant]:
    """Return a page of what ``user`` takes part in, the latest first."""
    places = Participant.objects.filter(user=user, left_at=None)
    return paginate(
        places.select_related("conversation"),
        order_by=("-last_message_at", "-pk"),
        cursor=cursor,
    )


def rows_of(places: Sequence[Participant]) -> list[ConversationRow]:
    """Return conversations with everybody else who is in them, in two queries."""
    keys = [place.conversation_id for place in places]
    everybody: dict[int, list[User]] = {key: [] for key in keys}
    present = Participant.objects.filter(conversation__in=keys, left_at=None)
    for each in present.select_related("user").order_by("pk"):
        everybody[each.conversation_id].append(each.user)
    return [
        ConversationRow(
            place.conversation,
            [
                each
                for each in everybody[place.conversation_id]
                if each.pk != place.user_id
            ],
            max(0, place.conversation.highest_number - place.last_read_number),
        )
        for place in places
    ]


def people_in(conversation: PrivateConversation) -> list[User]:
    """Return who takes part, those who began first."""
    present = conversation.participants.filter(left_at=None).select_related("user")
    return [each.user for each in present.order_by("pk")]


def reach_of(user: User) -> Reach.From:
    """Return who may begin to write to ``user``."""
    row = Reach.objects.filter(user=user).first()
    return Reach.From(row.messages_from) if row else Reach.From.EVERYBODY


def told_of(user: User) -> Iterator[dict[str, object]]:
    """Yield everything ``user`` wrote in conversations, the oldest first."""
    own = PrivateMessage.objects.filter(author=user, removed_at=None).order_by("pk")
    for message in own.select_related("conversation").iterator(chunk_size=_AT_ONCE):
        yield {
            "conversation": message.conversation_id,
            "title": message.conversation.title,
            "number": message.number,
            "text": message.source_md,
            "created_at": message.created_at.isoformat(),
        }
