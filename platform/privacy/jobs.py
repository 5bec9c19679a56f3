"""What the queue does for who leaves: the copy of their data, and the erasure."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from jobs.exceptions import Ignored
from jobs.models import Job
from jobs.registry import JobKind
from privacy.models import EXPORT_LIFETIME, Closing, DataExport
from privacy.services import ERASURE, EXPORT, erase_account, prepare_export


def prepare(row: DataExport, _job: Job) -> None:
    """Write a person's copy."""
    prepare_export(row)


def erase(row: Closing, _job: Job) -> None:
    """Erase an account whose days are over, or put that off."""
    if not row.is_open:
        raise Ignored("It was taken back, or done before.")
    erase_account(row)


EXPORT_KIND = JobKind(
    name=EXPORT,
    queue="default",
    rows=lambda: DataExport.objects.select_related("user"),
    handle=prepare,
    is_local=True,
    # Until it begins; from then on it holds the row.
    lease=timedelta(seconds=30),
    # Its person was told that it takes some minutes.
    late_after=timedelta(minutes=10),
    kept=EXPORT_LIFETIME,
    dated_by="asked_at",
    label=_("Copies of a person's data"),
    meaning=_(
        "People who asked for a copy of everything kept of them. What it holds is for "
        "them alone."
    ),
    title=lambda row: row.user.username,
    hint=lambda row: row.user.public_id,
    details=lambda row: (
        (_("Person"), row.user.username),
        (pgettext_lazy("moment", "Asked"), row.asked_at),
        (_("Ready"), row.ready_at),
    ),
    find=lambda text: Q(user__username__iexact=text),
)
ERASURE_KIND = JobKind(
    name=ERASURE,
    queue="default",
    rows=lambda: Closing.objects.select_related("user"),
    handle=erase,
    is_local=True,
    # Until it begins; from then on it holds the row.
    lease=timedelta(seconds=30),
    # They are looked for once an hour.
    late_after=timedelta(hours=2),
    label=_("Accounts to erase"),
    meaning=_(
        "Closed accounts whose days are over. Working through one again is safe: what "
        "was taken back or erased is left as it is."
    ),
    title=lambda row: row.user.username,
    hint=lambda row: row.user.public_id,
    details=lambda row: (
        (_("Person"), row.user.username),
        (_("Closed"), row.closed_at),
        (_("Taken back"), row.reopened_at),
        (_("Erased"), row.erased_at),
    ),
    find=lambda text: Q(user__username__iexact=text),
)
