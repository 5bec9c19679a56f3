"""Telling people something: in the product, and by mail where they want it."""

import logging
import random
import uuid
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from kombu.exceptions import OperationalError

from accounts.models import User
from notifications.models import EmailMessage, Kind, Notification, Preference

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 10
UNSUBSCRIBE_SALT = "notifications.unsubscribe"
# Nobody may miss these.
ALWAYS_BY_EMAIL = {Kind.SECURITY}
BY_EMAIL_UNLESS_REFUSED = {
    Kind.REPLY,
    Kind.MENTION,
    Kind.ANSWER_ACCEPTED,
    Kind.BILLING,
    Kind.ORGANISATION,
}


@transaction.atomic
def notify(
    user_id: int,
    kind: str,
    *,
    dedupe_key: str,
    url: str,
    title: str,
    body: str = "",
    actor_id: int | None = None,
) -> Notification | None:
    """Tell ``user_id`` once per ``dedupe_key``; more of an unread one is counted.

    Nobody is told of what they did themselves: then the answer is ``None``.
    Must run in the transaction of its cause; the mail leaves after the commit.
    """
    if actor_id is not None and actor_id == user_id:
        return None
    user = User.objects.get(pk=user_id)
    notification, is_new = Notification.objects.get_or_create(
        user=user,
        dedupe_key=dedupe_key,
        defaults={
            "kind": kind,
            "url": url,
            "title": title[:300],
            "body": body,
            "actor_id": actor_id,
        },
    )
    if not is_new:
        _count_again(notification, url=url, title=title)
        return notification
    if wants_email(user, kind):
        _write_mail(user, notification)
    return notification


def wants_email(user: User, kind: str) -> bool:
    """Tell whether ``user`` gets messages of ``kind`` by mail."""
    if kind in ALWAYS_BY_EMAIL:
        return True
    chosen = Preference.objects.filter(user=user, kind=kind).first()
    return chosen.by_email if chosen else kind in BY_EMAIL_UNLESS_REFUSED


@transaction.atomic
def set_preference(user: User, kind: str, *, by_email: bool) -> None:
    """Say whether messages of ``kind`` also come by mail."""
    Preference.objects.update_or_create(
        user=user, kind=kind, defaults={"by_email": by_email}
    )


def mark_read(user: User, notification_id: int | None = None) -> int:
    """Mark one message, or all of them, as read; return how many were unread."""
    unread = Notification.objects.visible_to(user).unread()
    if notification_id is not None:
        unread = unread.filter(pk=notification_id)
    return unread.update(read_at=timezone.now())


@transaction.atomic
def queue_mail(
    to: str,
    *,
    subject: str,
    text: str,
    html: str = "",
    user: User | None = None,
    kind: str = "",
    headers: dict[str, str] | None = None,
) -> EmailMessage:
    """Write a mail down; a worker sends it after the commit."""
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    mail = EmailMessage.objects.create(
        to=to,
        user=user,
        kind=kind,
        # A line break would begin another header.
        subject=" ".join(subject.split())[:300],
        text=text,
        html=html,
        headers=headers or {},
        message_id=f"<{uuid.uuid4().hex}@{host}>",
    )
    transaction.on_commit(partial(_nudge, mail.pk))
    return mail


def send_mail(mail_id: int) -> bool:
    """Send one mail that is due; tell whether it was sent.

    The row stays locked while the server is spoken to, so that two workers do
    not send it twice; a crash in between sends it again with the same id.
    """
    with transaction.atomic():
        mail = (
            EmailMessage.objects.select_for_update(skip_locked=True)
            .filter(pk=mail_id, state=EmailMessage.State.PENDING)
            .first()
        )
        if mail is None:
            return False
        try:
            _hand_over(mail)
        except OSError as error:
            _postpone(mail, error)
            return False
        mail.state = EmailMessage.State.SENT
        mail.sent_at = timezone.now()
        mail.attempts += 1
        mail.save(update_fields=["state", "sent_at", "attempts"])
        return True


def send_due_mail(*, limit: int = 100) -> int:
    """Send every mail that is due and return how many went out."""
    due = EmailMessage.objects.filter(
        state=EmailMessage.State.PENDING, due_at__lte=timezone.now()
    ).order_by("due_at")
    return sum(send_mail(pk) for pk in list(due.values_list("pk", flat=True)[:limit]))


def unsubscribe_token(user: User, kind: str) -> str:
    """Return a token that stops mail of one kind for one person, without signing in."""
    return signing.dumps([user.pk, kind], salt=UNSUBSCRIBE_SALT)


def unsubscribe(token: str) -> str:
    """Stop the mail a token names and return its kind.

    Raises ``django.core.signing.BadSignature``.
    """
    user_id, kind = signing.loads(token, salt=UNSUBSCRIBE_SALT)
    user = User.objects.filter(pk=user_id).first()
    if user is not None and kind in Kind.values:
        set_preference(user, kind, by_email=False)
    return str(kind)


def _count_again(notification: Notification, *, url: str, title: str) -> None:
    # Once read it is news again; until then it is one more of the same.
    is_news = notification.read_at is not None
    Notification.objects.filter(pk=notification.pk).update(
        count=1 if is_news else F("count") + 1,
        url=url if is_news else F("url"),
        title=title[:300],
        created_at=timezone.now(),
        read_at=None,
    )


def _write_mail(user: User, notification: Notification) -> None:
    token = unsubscribe_token(user, notification.kind)
    stop_url = settings.SITE_URL + reverse("notifications:unsubscribe", args=[token])
    context = {
        "user": user,
        "notification": notification,
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
        "stop_url": "" if notification.kind in ALWAYS_BY_EMAIL else stop_url,
    }
    with translation.override(user.locale or settings.LANGUAGE_CODE):
        text = render_to_string("notifications/email/message.txt", context)
        html = render_to_string("notifications/email/message.html", context)
    headers = (
        {}
        if notification.kind in ALWAYS_BY_EMAIL
        else {
            "List-Unsubscribe": f"<{stop_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    )
    queue_mail(
        user.email,
        subject=notification.title,
        text=text,
        html=html,
        user=user,
        kind=notification.kind,
        headers=headers,
    )


def _hand_over(mail: EmailMessage) -> None:
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=mail.text,
        to=[mail.to],
        headers={"Message-ID": mail.message_id, **mail.headers},
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    message.send()


def _postpone(mail: EmailMessage, error: Exception) -> None:
    mail.attempts += 1
    mail.last_error = f"{type(error).__name__}: {error}"[:1000]
    delay = min(5 * 2**mail.attempts, 3600) * random.uniform(0.8, 1.2)  # noqa: S311
    mail.due_at = timezone.now() + timedelta(seconds=delay)
    if mail.attempts >= MAX_ATTEMPTS:
        mail.state = EmailMessage.State.DEAD
    mail.save(update_fields=["attempts", "last_error", "due_at", "state"])
    logger.warning("mail.postponed", extra={"mail": mail.pk, "attempts": mail.attempts})


def _nudge(mail_id: int) -> None:
    from notifications.tasks import send_mail as task

    try:
        task.apply_async((mail_id,), retry=False)
    except OperationalError as error:
        logger.warning("mail.nudge_failed", extra={"error": str(error)})
