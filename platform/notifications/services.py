"""Telling people something: in the product, and by mail where they want it."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from notifications.fan_out import Words, notify_all
from notifications.mailing import withdraw_mail
from notifications.models import (
    ALWAYS_BY_EMAIL,
    BY_EMAIL_UNLESS_REFUSED,
    FOR_STAFF,
    EmailMessage,
    Kind,
    Notification,
    Preference,
)
from notifications.tokens import read_unsubscribe_token


def notify(
    user_id: int,
    kind: str,
    *,
    dedupe_key: str,
    url: str,
    title: Words,
    body: Words = "",
    actor_id: int | None = None,
    about: tuple[str, int] | None = None,
) -> Notification | None:
    """Tell one person, as ``notify_all`` tells many; ``None`` when they are not told.

    Must run in the transaction of its cause; the mail leaves after the commit.
    """
    told = notify_all(
        User.objects.filter(pk=user_id),
        kind,
        dedupe_key=dedupe_key,
        url=url,
        title=title,
        body=body,
        actor_id=actor_id,
        about=about,
    )
    if not told:
        return None
    return Notification.objects.get(user_id=user_id, dedupe_key=dedupe_key)


def email_choices(user: User) -> dict[str, bool]:
    """Tell for every kind of message a person may get whether it also comes by mail."""
    chosen = dict(Preference.objects.filter(user=user).values_list("kind", "by_email"))
    return {
        kind.value: kind in ALWAYS_BY_EMAIL
        or chosen.get(kind.value, kind in BY_EMAIL_UNLESS_REFUSED)
        for kind in Kind
        if user.is_staff or kind not in FOR_STAFF
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
    withdraw_mail(EmailMessage.objects.filter(user=user, kind__in=refused))


def mark_read(user: User, notification_id: int | None = None) -> int:
    """Mark one message, or all of them, as read; return how many were unread."""
    unread = Notification.objects.visible_to(user).unread()
    if notification_id is not None:
        unread = unread.filter(pk=notification_id)
    return unread.update(read_at=timezone.now())


def mark_seen(user: User, kind: str, seen: QuerySet[Any]) -> int:
    """Mark messages about a ``kind`` of row that was seen elsewhere; return how many.

    ``seen`` holds the rows that were seen.
    """
    about = Q(about_kind=kind) & Q(Exists(seen.filter(pk=OuterRef("about_id"))))
    unread = Notification.objects.filter(about, user_id=user.pk).unread()
    return unread.update(read_at=timezone.now())


def unsubscribe(token: str) -> Kind:
    """Stop the mail a token names; return its kind. Raises ``BadUnsubscribeLink``."""
    user_id, kind = read_unsubscribe_token(token)
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        set_preferences(user, {kind.value: False})
    return kind


def kind_of(token: str) -> Kind:
    """Return the kind of mail a token would stop. Raises ``BadUnsubscribeLink``."""
    return read_unsubscribe_token(token)[1]


@transaction.atomic
def remove_messages_of(user: User) -> None:
    """Delete everything that was told to ``user``, and mails that have not left."""
    # Confirmations and invitations name an address alone.
    mails = EmailMessage.objects.filter(Q(user=user) | Q(to__iexact=user.email))
    withdraw_mail(mails)
    mails.delete()
    Notification.objects.filter(user=user).delete()
    Preference.objects.filter(user=user).delete()
