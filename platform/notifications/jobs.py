"""What notifications have the queue do: send each mail."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from jobs.models import Job
from jobs.registry import JobKind
from notifications.mailing import MAIL, breaker, send_mail
from notifications.models import EmailMessage


def send(mail: EmailMessage, _job: Job) -> None:
    """Hand one mail to the server."""
    send_mail(mail)


KIND = JobKind(
    name=MAIL,
    queue="mail",
    rows=lambda: EmailMessage.objects.select_related("user"),
    handle=send,
    admit=breaker.admit,
    # Longer than a whole conversation with a slow server: a mail that is sent twice is
    # seen twice.
    lease=timedelta(minutes=2),
    # Four sweeps.
    late_after=timedelta(minutes=1),
    kept=timedelta(days=30),
    dated_by="created_at",
    label=_("Mails to be sent"),
    meaning=_(
        "Late when the most urgent mail was due more than a minute ago. While "
        "the mail server does not answer they are kept and tried again every "
        "few minutes."
    ),
    title=lambda mail: mail.subject,
    hint=lambda mail: mail.to,
    details=lambda mail: (
        (pgettext_lazy("mail", "To"), mail.to),
        (_("Subject"), mail.subject),
        (_("Written"), mail.created_at),
        (_("Sent"), mail.sent_at),
    ),
    find=lambda text: Q(to__iexact=text),
    heavy=("text", "html"),
)
