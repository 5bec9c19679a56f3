"""Telling those who take part that something was said."""

from collections.abc import Callable, Mapping, Sequence

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from community.conversations.models import (
    MessagePreference,
    Participant,
    PrivateMessage,
)
from contracts.accounts import AccountErased
from contracts.community import MessageSent
from notifications.fan_out import notify_all
from notifications.models import Kind, Notification
from outbox import subscribe

# What a list of messages and a mail show of a text.
QUOTED = 500


@subscribe(MessageSent)
def notify_participants(fact: MessageSent) -> None:
    """Tell who takes part and has not read it; who mutes the author hears nothing."""
    messages = PrivateMessage.objects.filter(removed_at=None, pk=fact.message_id)
    message = messages.select_related("author", "conversation").first()
    if message is None:
        return
    unread = Participant.objects.filter(
        conversation=message.conversation_id,
        user=OuterRef("pk"),
        left_at=None,
        last_read_number__lt=message.number,
    )
    notify_all(
        User.objects.filter(Exists(unread)),
        Kind.MESSAGE,
        dedupe_key=f"conversation:{message.conversation_id}",
        url=message.get_absolute_url(),
        title=_written(message),
        body=message.plain[:QUOTED],
        actor_id=message.author_id,
        about=("message", message.pk),
        at=message.created_at,
    )


def words_about_messages(
    told: Sequence[Notification],
) -> Mapping[int, tuple[str, str]]:
    """Return what the bell says of messages now: nothing of one that was taken back."""
    rows = PrivateMessage.objects.select_related("author", "conversation")
    messages = rows.in_bulk([each.about_id for each in told if each.about_id])
    return {
        each.pk: (_written(message)(), message.plain[:QUOTED])
        for each in told
        if (message := messages.get(each.about_id or 0))
    }


def _written(message: PrivateMessage) -> Callable[[], str]:
    words = {"name": message.author.name, "title": message.conversation.title}
    return lambda: _("%(name)s wrote to you: %(title)s") % words


@subscribe(AccountErased)
def leave_conversations(fact: AccountErased) -> None:
    """Take who is gone out of conversations; what they wrote is the others' too."""
    Participant.objects.filter(user_id=fact.user_id, left_at=None).update(
        left_at=timezone.now()
    )
    MessagePreference.objects.filter(user_id=fact.user_id).delete()
