"""Telling those who take part that something was said."""

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts.models import User
from community.conversations.models import Participant, PrivateMessage
from contracts.community import MessageSent
from notifications.fan_out import notify_all
from notifications.models import Kind
from outbox import subscribe


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
    words = {"name": message.author.name, "title": message.conversation.title}
    notify_all(
        User.objects.filter(Exists(unread)),
        Kind.MESSAGE,
        dedupe_key=f"conversation:{message.conversation_id}",
        url=message.get_absolute_url(),
        title=lambda: _("%(name)s wrote to you: %(title)s") % words,
        body=message.plain[:500],
        actor_id=message.author_id,
        about=("message", message.pk),
        at=message.created_at,
    )
