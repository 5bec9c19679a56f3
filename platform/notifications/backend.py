"""Django's own way of sending mail, so that no mail depends on the server being up."""

from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from notifications.mailing import queue_mail


class EmailBackend(BaseEmailBackend):
    """Writes mails down where others would send them: confirmations, invitations.

    A mail that is written inside a transaction exists exactly when its cause does.
    """

    @transaction.atomic
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue each message for each of its readers; return how many messages."""
        for message in email_messages:
            if message.attachments:
                raise ValueError("Mails of this product have no attachments.")
            for reader in message.recipients():
                queue_mail(
                    reader,
                    subject=str(message.subject),
                    text=str(message.body),
                    html=_html_of(message),
                    headers=_headers_of(message),
                )
        return len(email_messages)


def _html_of(message: EmailMessage) -> str:
    if isinstance(message, EmailMultiAlternatives):
        for content, kind in message.alternatives:
            if kind == "text/html":
                return str(content)
    return ""


def _headers_of(message: EmailMessage) -> dict[str, str]:
    headers = {name: str(value) for name, value in message.extra_headers.items()}
    if message.from_email != settings.DEFAULT_FROM_EMAIL:
        headers["From"] = message.from_email
    if message.reply_to:
        headers["Reply-To"] = ", ".join(message.reply_to)
    return headers
