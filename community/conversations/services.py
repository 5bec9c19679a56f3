"""Beginning a conversation, writing in it, leaving it, and showing it to moderators."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from community.conversations.exceptions import (
    NobodyLeft,
    NotTaken,
    WrongPeople,
)
from community.conversations.models import (
    MOST_PEOPLE,
    MessagePreference,
    Participant,
    PrivateConversation,
    PrivateMessage,
)
from community.conversations.permissions import is_blocked_in, who_takes_none
from community.forum.cleaning import clean_text, clean_title
from community.forum.exceptions import TokenReused
from community.forum.services.limits import admit_text
from community.forum.services.sending import Sent
from community.moderation.exceptions import CannotFlag
from community.moderation.models import Case, Flag
from community.moderation.services import raise_message_flag
from community.standing.guards import require_may_write
from community.standing.queries import privileges_of
from contracts.community import MessageSent
from notifications.services import mark_seen
from outbox import publish
from stores import limiter


def create_conversation(
    people: Sequence[User],
    *,
    by: User,
    title: str,
    text: str,
    client_token: str = "",
    limited: bool = True,
) -> PrivateConversation:
    """Begin a conversation of ``by`` with ``people``, with its first message.

    The same ``client_token`` gives the same conversation. Raises ``WrongPeople``,
    ``NotTaken``, ``TokenReused``, ``RateLimited``, or as ``limits.admit_text``: who is
    written to by a stranger did not ask for their links.
    """
    others = {person.pk: person for person in people}
    keys = sorted(others)
    if not keys or by.pk in others or len(keys) >= MOST_PEOPLE:
        raise WrongPeople
    if not all(person.is_active for person in others.values()):
        raise WrongPeople
    require_may_write(by)
    sent = Sent.of(client_token, "conversation", title, text, *keys)
    if present := _sent_before(by, sent):
        return present.conversation
    closed = who_takes_none([others[key] for key in keys], sender=by)
    if closed is not None:
        raise NotTaken(closed.name)
    if limited:
        admit_text(by, text)
        most = privileges_of(by).conversations_a_day
        limiter.check("conversation", by.pk, limit=most, period=86_400)
    try:
        return _start(keys, by=by, title=title, text=text, sent=sent)
    except IntegrityError:
        # The other click of a double click was faster.
        present = _sent_before(by, sent)
        if present is None:
            raise
        return present.conversation


def create_message(
    conversation: PrivateConversation,
    *,
    by: User,
    text: str,
    client_token: str = "",
    limited: bool = True,
) -> PrivateMessage:
    """Write in a conversation.

    Its row is locked while the message takes its number. The same ``client_token``
    gives the same message. Raises ``NobodyLeft``, ``NotTaken``, ``TokenReused`` or
    ``RateLimited``.
    """
    require_may_write(by)
    sent = Sent.of(client_token, "message", conversation.pk, text)
    if present := _sent_before(by, sent):
        return present
    if limited:
        most = privileges_of(by).messages_a_day
        limiter.check("message", by.pk, limit=most, period=86_400)
    try:
        return _send(conversation, by=by, text=text, sent=sent)
    except IntegrityError:
        present = _sent_before(by, sent)
        if present is None:
            raise
        return present


@transaction.atomic
def remove_message(message: PrivateMessage, *, by: User) -> None:
    """Take a message of one's own back: nothing of its text is kept.

    What was reported of it before stays with the report.
    """
    PrivateMessage.objects.filter(pk=message.pk, author=by, removed_at=None).update(
        source_md="", html="", plain="", removed_at=timezone.now()
    )


@transaction.atomic
def leave_conversation(conversation: PrivateConversation, *, by: User) -> None:
    """Leave: nothing of it is seen any more, nor told."""
    Participant.objects.filter(conversation=conversation, user=by, left_at=None).update(
        left_at=timezone.now()
    )


@transaction.atomic
def mark_read(conversation: PrivateConversation, *, user: User) -> None:
    """Note that ``user`` has read a conversation, so that the bell is quiet."""
    place = Participant.objects.filter(conversation=conversation, user=user)
    read = place.filter(last_read_number__lt=conversation.highest_number)
    if read.update(last_read_number=conversation.highest_number):
        mark_seen(
            user, "message", PrivateMessage.objects.filter(conversation=conversation)
        )


@transaction.atomic
def flag_message(
    message: PrivateMessage,
    *,
    by: User,
    reason: str,
    note: str = "",
    limited: bool = True,
) -> Flag:
    """Show a message to the moderators: they see it and nothing else of it.

    It is a case of their one queue and holds what was said, so that taking the message
    back takes nothing from it. The message's row is locked. Raises ``Sanctioned``,
    ``CannotFlag``, also where the message was taken back, or ``RateLimited``.
    """
    locked = PrivateMessage.objects.select_for_update(of=("self",)).get(pk=message.pk)
    known = Case.objects.undecided().filter(message=locked.pk).exists()
    if locked.removed_at and not known:
        raise CannotFlag
    return raise_message_flag(
        locked.pk,
        author=locked.author,
        text=locked.source_md,
        by=by,
        reason=reason,
        note=note,
        limited=limited,
    )


def set_message_preference(user: User, messages_from: MessagePreference.From) -> None:
    """Say who may begin to write to ``user``; what has begun goes on."""
    MessagePreference.objects.update_or_create(
        user=user, defaults={"messages_from": messages_from}
    )


@transaction.atomic
def _start(
    keys: Sequence[int], *, by: User, title: str, text: str, sent: Sent
) -> PrivateConversation:
    conversation = PrivateConversation.objects.create(
        title=clean_title(title), started_by=by, highest_number=1
    )
    at = conversation.last_message_at
    Participant.objects.bulk_create(
        Participant(
            conversation=conversation,
            user_id=key,
            last_message_at=at,
            last_read_number=1 if key == by.pk else 0,
        )
        for key in sorted({*keys, by.pk})
    )
    _write(conversation, by=by, number=1, text=text, sent=sent)
    return conversation


@transaction.atomic
def _send(
    conversation: PrivateConversation, *, by: User, text: str, sent: Sent
) -> PrivateMessage:
    locked = PrivateConversation.objects.select_for_update(no_key=True).get(
        pk=conversation.pk
    )
    here = Participant.objects.filter(conversation=locked, left_at=None)
    if not here.exclude(user=by).exists():
        raise NobodyLeft
    if is_blocked_in(locked.pk, sender=by):
        raise NotTaken
    number, now = locked.highest_number + 1, timezone.now()
    message = _write(locked, by=by, number=number, text=text, sent=sent)
    PrivateConversation.objects.filter(pk=locked.pk).update(
        highest_number=number, last_message_at=now
    )
    Participant.objects.filter(conversation=locked).update(last_message_at=now)
    Participant.objects.filter(conversation=locked, user=by).update(
        last_read_number=number
    )
    return message


def _write(
    conversation: PrivateConversation, *, by: User, number: int, text: str, sent: Sent
) -> PrivateMessage:
    message = PrivateMessage(
        conversation=conversation,
        number=number,
        author=by,
        source_md=clean_text(text),
        client_token=sent.token,
        client_digest=sent.digest,
    )
    rendered = message.rendered()
    message.html, message.plain = rendered.html, rendered.plain
    message.render_version = rendered.version
    message.save(force_insert=True)
    publish(
        MessageSent(
            message_id=message.pk, conversation_id=conversation.pk, author_id=by.pk
        )
    )
    return message


def _sent_before(author: User, sent: Sent) -> PrivateMessage | None:
    """Return the message a token stands for. Raises ``TokenReused``."""
    if not sent.token:
        return None
    messages = PrivateMessage.objects.filter(author=author, client_token=sent.token)
    message = messages.select_related("conversation").first()
    if message is not None and message.client_digest != sent.digest:
        raise TokenReused
    return message
