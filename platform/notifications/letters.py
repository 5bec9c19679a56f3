"""What a mail about a message says: worked out when it leaves, not before."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from accounts.preferences import speak_to
from notifications.models import ALWAYS_BY_EMAIL, Notification
from notifications.registry import Letter
from notifications.tokens import unsubscribe_token
from notifications.wording import said_now


def letter_about(notification_id: int, *, user: User) -> Letter | None:
    """Return the mail that tells ``user`` of a message, in their language.

    ``None`` when they may no longer see what it is about, or have closed their
    account: what has not left yet does not leave any more.
    """
    visible = Notification.objects.visible_to(user)
    notification = visible.filter(pk=notification_id).first()
    if notification is None or not user.is_active:
        return None
    may_stop = notification.kind not in ALWAYS_BY_EMAIL
    stop_url = ""
    if may_stop:
        token = unsubscribe_token(user, notification.kind)
        stop_url = settings.SITE_URL + reverse(
            "notifications:unsubscribe", args=[token]
        )
    context = {
        "user": user,
        "notification": notification,
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
        "stop_url": stop_url,
    }
    with speak_to(user):
        said_now([notification])
        # A line break would begin another header.
        subject = " ".join(notification.title_now.split())
        text = render_to_string("notifications/email/message.txt", context)
        html = render_to_string("notifications/email/message.html", context)
    headers = {
        "List-Unsubscribe": f"<{stop_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return Letter(user.email, subject, text, html, headers if may_stop else {})
