"""Mail as rows: written with their cause, sent after it, kept until they are sent."""

import uuid
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from core.breaker import Breaker
from jobs.exceptions import Hopeless, Ignored
from jobs.models import Job
from jobs.services import enqueue, forget
from notifications.exceptions import MailServerUnavailable
from notifications.letters import letter_about
from notifications.models import EmailMessage
from notifications.registry import Letter, writing_of

# The name of the queue's jobs that have a mail sent.
MAIL = "mail"
# While the server is away one mail asks for all the others: each would take a worker
# for the whole time-out, and bills wait for the same workers.
breaker = Breaker("mail", rest=5.0, refusal=MailServerUnavailable)


@transaction.atomic
def queue_mail(
    to: str,
    *,
    subject: str,
    text: str = "",
    html: str = "",
    user: User | None = None,
    kind: str = "",
    headers: dict[str, str] | None = None,
    idempotency_key: str = "",
) -> EmailMessage:
    """Write a mail down; a worker sends it after the commit.

    Without a text it says what ``registry.register_writing`` names, when it leaves.
    With an ``idempotency_key`` that was used before, the mail of that time is
    returned and no other is written.
    """
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    values = {
        "to": to,
        "user": user,
        "kind": kind,
        # A line break would begin another header.
        "subject": " ".join(subject.split())[:300],
        "text": text,
        "html": html,
        "headers": headers or {},
        "message_id": f"<{uuid.uuid4().hex}@{host}>",
    }
    if idempotency_key:
        mail, is_new = EmailMessage.objects.get_or_create(
            idempotency_key=idempotency_key, defaults=values
        )
        if not is_new:
            return mail
    else:
        mail = EmailMessage.objects.create(**values)
    enqueue(MAIL, mail.pk)
    return mail


def send_mail(mail: EmailMessage) -> None:
    """Send one mail; its job has been claimed, and no transaction is open.

    A crash before its end is noted sends it again, with the same Message-ID, when the
    claim has run out. Raises ``MailServerUnavailable``, ``Hopeless`` when the server
    refuses it for good, ``OSError`` when it does for now, and ``Ignored`` when nobody
    may read it any more.
    """
    if mail.sent_at is not None:
        return
    letter = _letter_of(mail)
    if letter is None:
        mail.delete()
        raise Ignored("Its reader may not see any more what it is about.")
    try:
        _hand_over(mail, letter)
    except (SMTPRecipientsRefused, SMTPDataError, SMTPSenderRefused) as error:
        breaker.succeed()
        if _is_final(error):
            raise Hopeless from error
        raise
    except OSError as error:
        breaker.fail(error)
        raise MailServerUnavailable from error
    except ValueError as error:
        # An address or a header that cannot be written will not heal.
        raise Hopeless from error
    breaker.succeed()
    values: dict[str, Any] = {"sent_at": timezone.now()}
    if not mail.kind:
        # Links that open an account do not stay behind.
        values |= {"text": "", "html": ""}
    EmailMessage.objects.filter(pk=mail.pk).update(**values)


def withdraw_mail(mails: QuerySet[EmailMessage]) -> int:
    """Have mails that still wait not leave any more; return how many those were."""
    unsent = mails.filter(sent_at=None).values_list("pk", flat=True)
    jobs = Job.objects.waiting().about(MAIL, *unsent)
    waiting = list(jobs.values_list("subject", flat=True))
    forget(MAIL, waiting)
    EmailMessage.objects.filter(pk__in=waiting).delete()
    return len(waiting)


def _letter_of(mail: EmailMessage) -> Letter | None:
    if mail.notification_id is not None and mail.user is not None:
        return letter_about(mail.notification_id, user=mail.user)
    write = None if mail.text else writing_of(mail.kind)
    if write is not None and mail.user is not None:
        return write(mail.user, mail.created_at)
    return Letter(mail.to, mail.subject, mail.text, mail.html, mail.headers)


def _hand_over(mail: EmailMessage, letter: Letter) -> None:
    message = EmailMultiAlternatives(
        subject=letter.subject,
        body=letter.text,
        to=[letter.to],
        connection=get_connection(settings.MAIL_TRANSPORT),
        headers={
            "Message-ID": mail.message_id,
            # No out-of-office answers, please.
            "Auto-Submitted": "auto-generated",
            **letter.headers,
        },
    )
    if letter.html:
        message.attach_alternative(letter.html, "text/html")
    message.send()


def _is_final(error: OSError) -> bool:
    """Tell whether the server refused this mail for good (5xx), not only for now."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, SMTPDataError) and error.smtp_code >= 500
