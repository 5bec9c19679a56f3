"""Telling people something: in the product, and by mail where they want it."""

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import User
from notifications.exceptions import BadUnsubscribeLink
from notifications.mailing import queue_mail
from notifications.models import EmailMessage, Kind, Notification, Preference

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

    What comes after it was read is news again, also by mail. Nobody is told of
    what they did themselves, and nobody whose account is closed: then the answer
    is ``None``. Must run in the transaction of its cause, with ``title`` and
    ``body`` in the recipient's language; the mail leaves after the commit.
    """
    if actor_id is not None and actor_id == user_id:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return None
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
    news = f"notification:{notification.pk}"
    if not is_new:
        # The row is locked: two that come at once are one piece of news, counted twice.
        notification = Notification.objects.select_for_update().get(pk=notification.pk)
        was_read_at = notification.read_at
        _count_again(notification, url=url, title=title, body=body, actor_id=actor_id)
        if was_read_at is None:
            return notification
        news = f"{news}:{was_read_at.isoformat()}"
    if wants_email(user, kind):
        _write_mail(user, notification, idempotency_key=news)
    return notification


def wants_email(user: User, kind: str) -> bool:
    """Tell whether ``user`` gets messages of ``kind`` by mail."""
    return email_choices(user)[kind]


def email_choices(user: User) -> dict[str, bool]:
    """Tell for every kind of message whether it also comes by mail."""
    chosen = dict(Preference.objects.filter(user=user).values_list("kind", "by_email"))
    return {
        kind.value: kind in ALWAYS_BY_EMAIL
        or chosen.get(kind.value, kind in BY_EMAIL_UNLESS_REFUSED)
        for kind in Kind
    }


@transaction.atomic
def set_preferences(user: User, choices: dict[str, bool]) -> None:
    """Say of each kind of message whether it also comes by mail.

    A mail of a refused kind that has not left yet does not leave any more.
    """
    Preference.objects.bulk_create(
        [
            Preference(user=user, kind=kind, by_email=by_email)
            for kind, by_email in choices.items()
        ],
        update_conflicts=True,
        unique_fields=["user", "kind"],
        update_fields=["by_email"],
    )
    refused = [
        kind
        for kind, by_email in choices.items()
        if not by_email and kind not in ALWAYS_BY_EMAIL
    ]
    EmailMessage.objects.filter(
        user=user, kind__in=refused, state=EmailMessage.State.PENDING
    ).delete()


def mark_read(user: User, notification_id: int | None = None) -> int:
    """Mark one message, or all of them, as read; return how many were unread."""
    unread = Notification.objects.visible_to(user).unread()
    if notification_id is not None:
        unread = unread.filter(pk=notification_id)
    return unread.update(read_at=timezone.now())


def unsubscribe_token(user: User, kind: str) -> str:
    """Return a token that stops mail of one kind for one person, without signing in.

    It does not expire: a mail may be read years later.
    """
    return signing.dumps([user.pk, kind], salt=UNSUBSCRIBE_SALT)


def unsubscribe(token: str) -> Kind:
    """Stop the mail a token names and return its kind. Raises ``BadUnsubscribeLink``."""
    user_id, kind = _read(token)
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        set_preferences(user, {kind.value: False})
    return kind


def kind_of(token: str) -> Kind:
    """Return the kind of mail a token would stop. Raises ``BadUnsubscribeLink``."""
    return _read(token)[1]


def _read(token: str) -> tuple[int, Kind]:
    try:
        user_id, kind = signing.loads(token, salt=UNSUBSCRIBE_SALT)
        return int(user_id), Kind(kind)
    except (signing.BadSignature, TypeError, ValueError) as error:
        raise BadUnsubscribeLink from error


def _count_again(
    notification: Notification,
    *,
    url: str,
    title: str,
    body: str,
    actor_id: int | None,
) -> None:
    # Once read it is news again; until then it is one more of the same, and its
    # address stays that of the first one not read.
    is_news = notification.read_at is not None
    Notification.objects.filter(pk=notification.pk).update(
        count=1 if is_news else F("count") + 1,
        url=url if is_news else F("url"),
        title=title[:300],
        body=body,
        actor_id=actor_id,
        created_at=timezone.now(),
        read_at=None,
    )
    notification.refresh_from_db()


def _write_mail(
    user: User, notification: Notification, *, idempotency_key: str
) -> None:
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
        idempotency_key=idempotency_key,
    )
