"""Mail as rows: written with their cause, sent after it, kept until they are sent."""

import logging
import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import Count, F, Min, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from core.breaker import Breaker
from notifications.exceptions import MailServerUnavailable
from notifications.letters import Letter, letter_about
from notifications.models import EmailMessage
from stores.nudging import nudge_after_commit

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 20
BATCH = 100
# Longer than a whole conversation with a slow server: after it a mail whose worker
# died is anybody's again.
LEASE = timedelta(minutes=2)
# While the server is away one mail asks for all the others: each would take a worker
# for the whole time-out, and bills wait for the same workers.
breaker = Breaker("mail", rest=5.0, refusal=MailServerUnavailable)


@dataclass(frozen=True, slots=True)
class MailBacklog:
    """What waits to be sent, how late the most urgent is, and what was given up."""

    waiting: int
    overdue: timedelta
    dead: int

    @property
    def is_late(self) -> bool:
        """Whether somebody should look: due mail is swept every ten seconds."""
        return self.overdue > timedelta(minutes=1)


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
    idempotency_key: str = "",
) -> EmailMessage:
    """Write a mail down; a worker sends it after the commit.

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
    nudge_after_commit("notifications.tasks.send_mail", mail.pk)
    return mail


def send_mail(mail_id: int) -> bool:
    """Send one mail that is due; tell whether it was sent.

    It is claimed before and noted after: no transaction is open and no row locked
    while the server is spoken to. A crash in between sends it again, with the same
    Message-ID, when the claim has run out. Raises ``MailServerUnavailable``.
    """
    breaker.admit()
    mail = _claim(mail_id)
    if mail is None:
        return False
    letter = _letter_of(mail)
    if letter is None:
        # What it is about is none of its reader's business any more.
        mail.delete()
        return False
    try:
        _hand_over(mail, letter)
    except (SMTPRecipientsRefused, SMTPDataError, SMTPSenderRefused) as error:
        _postpone(mail, error, is_hopeless=_is_final(error))
        return False
    except OSError as error:
        _wait_for_server(mail, error)
        breaker.fail(error)
        raise MailServerUnavailable from error
    except ValueError as error:
        # An address or a header that cannot be written will not heal.
        _postpone(mail, error, is_hopeless=True)
        return False
    breaker.succeed()
    values = {"state": EmailMessage.State.SENT, "sent_at": timezone.now()}
    if not mail.kind:
        # Links that open an account do not stay behind.
        values |= {"text": "", "html": ""}
    EmailMessage.objects.filter(pk=mail.pk).update(last_error="", **values)
    return True


def send_due_mail(*, limit: int = BATCH) -> int:
    """Send the mails that are due, oldest first, and return how many went out.

    When the server takes nothing the rest is left for the next time.
    """
    due = EmailMessage.objects.due().order_by("due_at", "pk")
    sent = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        try:
            sent += send_mail(pk)
        except MailServerUnavailable:
            break
    return sent


def retry_mails(mails: QuerySet[EmailMessage]) -> int:
    """Give dead mails another round of attempts; return how many were dead."""
    return mails.filter(state=EmailMessage.State.DEAD).update(
        state=EmailMessage.State.PENDING, attempts=0, due_at=timezone.now()
    )


def prune_mail(*, days: int = 30) -> int:
    """Forget mails sent ``days`` ago: what they said is nobody's business any more."""
    return EmailMessage.objects.filter(
        state=EmailMessage.State.SENT,
        sent_at__lt=timezone.now() - timedelta(days=days),
    ).delete()[0]


def mail_backlog() -> MailBacklog:
    """Return how far the mail is behind."""
    counted = EmailMessage.objects.exclude(state=EmailMessage.State.SENT).aggregate(
        waiting=Count("pk", filter=Q(state=EmailMessage.State.PENDING)),
        dead=Count("pk", filter=Q(state=EmailMessage.State.DEAD)),
        due_at=Min("due_at", filter=Q(state=EmailMessage.State.PENDING)),
    )
    due_at = counted["due_at"]
    overdue = max(timezone.now() - due_at, timedelta()) if due_at else timedelta()
    return MailBacklog(counted["waiting"], overdue, counted["dead"])


def _claim(mail_id: int) -> EmailMessage | None:
    claimed = (
        EmailMessage.objects.due()
        .filter(pk=mail_id)
        .update(due_at=timezone.now() + LEASE, attempts=F("attempts") + 1)
    )
    if not claimed:
        return None
    return EmailMessage.objects.select_related("user").get(pk=mail_id)


def _letter_of(mail: EmailMessage) -> Letter | None:
    if mail.notification_id is not None and mail.user is not None:
        return letter_about(mail.notification_id, user=mail.user)
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


def _postpone(mail: EmailMessage, error: Exception, *, is_hopeless: bool) -> None:
    is_dead = is_hopeless or mail.attempts >= MAX_ATTEMPTS
    delay = min(5 * 2**mail.attempts, 3600) * random.uniform(0.8, 1.2)  # noqa: S311
    _note(
        mail,
        error,
        delay=delay,
        state=EmailMessage.State.DEAD if is_dead else EmailMessage.State.PENDING,
    )


def _wait_for_server(mail: EmailMessage, error: Exception) -> None:
    # The mail is not to blame: it is never given up, and soon on its way again.
    delay = min(5 * 2**mail.attempts, 300) * random.uniform(0.8, 1.2)  # noqa: S311
    _note(mail, error, delay=delay, state=EmailMessage.State.PENDING)


def _note(mail: EmailMessage, error: Exception, *, delay: float, state: str) -> None:
    EmailMessage.objects.filter(pk=mail.pk).update(
        state=state,
        last_error=f"{type(error).__name__}: {error}"[:1000],
        due_at=timezone.now() + timedelta(seconds=delay),
    )
    logger.warning("mail.postponed", extra={"mail": mail.pk, "attempts": mail.attempts})
