"""Taking one's data along, closing an account, taking that back, and erasing it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from accounts.erasing import clear_user, end_access
from accounts.exceptions import LastOwner
from accounts.letters import compose
from accounts.models import Organisation, User
from accounts.preferences import speak_to
from accounts.queries import own_organisations
from audit import services as audit
from contracts.accounts import AccountClosed, AccountErased, AccountReopened
from core.addresses import on_site
from core.errors import RateLimited
from drafts.services import remove_drafts_of
from jobs.services import enqueue
from notifications.mailing import queue_mail
from notifications.models import Kind
from notifications.services import notify, remove_messages_of
from outbox import publish
from privacy.exceptions import AccountHeld, AlreadyClosed, NotClosed
from privacy.models import Closing, DataExport, DataExportPart
from privacy.packing import pieces_of
from privacy.registry import Obstacle, find_obstacles

# The names of the queue's jobs.
EXPORT = "export"
ERASURE = "erasure"
# A lost file is asked for a second time; each reads every table there is.
EXPORTS_A_DAY = 2
# Time to cancel what came up after the closing, and to be reminded of it once a week.
PUT_OFF = timedelta(days=7)


@transaction.atomic
def create_export(user: User) -> DataExport:
    """Have a copy of everything kept of ``user`` prepared; one that waits is it.

    The person's row is locked, so two requests at once count each other. Raises
    ``RateLimited``.
    """
    _lock(user)
    exports = DataExport.objects.filter(user=user)
    waiting = exports.filter(ready_at=None).first()
    if waiting is not None:
        return waiting
    day_ago = timezone.now() - timedelta(days=1)
    recent = exports.filter(asked_at__gt=day_ago).order_by("-asked_at")
    if len(times := recent.values_list("asked_at", flat=True)) >= EXPORTS_A_DAY:
        free_at = times[EXPORTS_A_DAY - 1] + timedelta(days=1)
        raise RateLimited((free_at - timezone.now()).total_seconds())
    export = DataExport.objects.create(user=user)
    audit.record("person.data_requested", actor=user, target=user.public_id)
    enqueue(EXPORT, export.pk)
    return export


@transaction.atomic
def prepare_export(export: DataExport) -> None:
    """Write the file and tell its person; once, however often it is called."""
    locked = DataExport.objects.select_for_update().select_related("user")
    export = locked.get(pk=export.pk)
    if export.ready_at is not None:
        return
    for number, content in enumerate(pieces_of(export.user)):
        DataExportPart.objects.create(export=export, number=number, content=content)
        export.size += len(content)
    export.ready_at = timezone.now()
    export.save(update_fields=["ready_at", "size"])
    notify(
        export.user_id,
        Kind.SECURITY,
        dedupe_key=f"data-export:{export.pk}",
        url=reverse("privacy:data"),
        title=lambda: gettext("The copy of your data is ready"),
        body=lambda: gettext(
            "You can download it for seven days. If you did not ask for it, change "
            "your password and look at your sessions."
        ),
    )


def record_download(export: DataExport) -> None:
    """Write down that a person fetched their copy."""
    audit.record(
        "person.data_downloaded", actor=export.user, target=export.user.public_id
    )


@transaction.atomic
def close_account(user: User) -> Closing:
    """Close ``user``'s account: every way in ends now, everything else in some days.

    The person's row is locked: of two closings at once the second finds the first.
    Raises ``AlreadyClosed`` or ``AccountHeld``.
    """
    locked = _lock(user)
    if locked.closes_at is not None or locked.erased_at is not None:
        raise AlreadyClosed
    if found := find_obstacles(locked):
        raise AccountHeld(found)
    closing = Closing.objects.create(user=locked)
    days = timedelta(days=settings.ACCOUNT_GRACE_DAYS)
    locked.closes_at = closing.closed_at + days
    locked.save(update_fields=["closes_at"])
    end_access(locked)
    audit.record(
        "person.account_closed",
        actor=locked,
        target=locked.public_id,
        after={"closes_at": locked.closes_at.isoformat()},
    )
    publish(AccountClosed(user_id=locked.pk))
    with speak_to(locked):
        _write(
            locked,
            gettext("Your account on %(site_name)s is closed"),
            [
                gettext(
                    "Nobody is signed in to it any more, and its keys and tokens have "
                    "ended. It is erased on %(day)s."
                )
                % {"day": _day(locked.closes_at)},
                gettext(
                    "Until then you can take this back: sign in and keep your account."
                ),
            ],
            button=gettext("Sign in"),
            path=reverse("privacy:account-close"),
        )
    return closing


@transaction.atomic
def restore_account(user: User) -> None:
    """Take a closing back. Raises ``NotClosed``, also when it is too late.

    The person's row is locked: either this comes first, or the erasure.
    """
    locked = _lock(user)
    if locked.closes_at is None:
        raise NotClosed
    locked.closes_at = None
    locked.save(update_fields=["closes_at"])
    Closing.objects.filter(user=locked, reopened_at=None, erased_at=None).update(
        reopened_at=timezone.now()
    )
    audit.record("person.account_reopened", actor=locked, target=locked.public_id)
    publish(AccountReopened(user_id=locked.pk))
    with speak_to(locked):
        _write(
            locked,
            gettext("Your account on %(site_name)s is open again"),
            [
                gettext("You took its closing back; nothing of it was erased."),
                gettext("Keys and access tokens have ended: make new ones."),
                gettext(
                    "If this was not you, choose a new password at once and look at "
                    "your sessions."
                ),
            ],
            button=gettext("Look at your sessions"),
            path=reverse("accounts:session-list"),
        )


@transaction.atomic
def enqueue_erasures() -> int:
    """Have every account erased whose days are over; return how many."""
    due = Closing.objects.filter(
        user__closes_at__lte=timezone.now(), reopened_at=None, erased_at=None
    )
    found = list(due.select_related("user").order_by("pk"))
    for closing in found:
        # One that was put off is another job.
        closes_at = closing.user.closes_at
        enqueue(ERASURE, closing.pk, parts=[f"{closes_at:%Y-%m-%dT%H:%M:%S.%f}"])
    return len(found)


@transaction.atomic
def erase_account(closing: Closing) -> bool:
    """Erase what is kept of a person alone; ``False`` when it was not to be done now.

    The rows of the person and of their own organisations are locked: what is bought
    meanwhile waits, or is found. If something has to be settled the erasure is put off
    and the person told why. Areas erase theirs when they hear of it.
    """
    user = _lock(closing.user)
    closing = Closing.objects.select_for_update().get(pk=closing.pk)
    is_due = user.closes_at is not None and user.closes_at <= timezone.now()
    if not (closing.is_open and is_due):
        return False
    mine = own_organisations(user).values("pk")
    # Subscriptions, invoices and members are written under the same lock.
    list(Organisation.objects.select_for_update().filter(pk__in=mine).order_by("pk"))
    if found := find_obstacles(user):
        _put_off(user, found)
        return False
    address, locale, time_zone = user.email, user.locale, user.time_zone
    remove_messages_of(user)
    remove_drafts_of(user)
    DataExport.objects.filter(user=user).delete()
    try:
        with transaction.atomic():
            clear_user(user)
    except LastOwner:
        # The other owner of a team went while this was looked at.
        raise AccountHeld(find_obstacles(user)) from None
    closing.erased_at = user.erased_at
    closing.save(update_fields=["erased_at"])
    audit.record("person.account_erased", actor=None, target=user.public_id)
    publish(AccountErased(user_id=user.pk))
    with speak_to(User(locale=locale, time_zone=time_zone)):
        _write(
            User(email=address),
            gettext("Your account on %(site_name)s is erased"),
            [
                gettext("What was kept of you alone is gone, as you asked."),
                gettext(
                    "What you wrote for others stays, without your name; so do bills, "
                    "as the law asks."
                ),
            ],
        )
    return True


def _put_off(user: User, found: Sequence[Obstacle]) -> None:
    user.closes_at = timezone.now() + PUT_OFF
    user.save(update_fields=["closes_at"])
    audit.record(
        "person.erasure_put_off",
        actor=None,
        target=user.public_id,
        after={"closes_at": user.closes_at.isoformat()},
    )
    with speak_to(user):
        # In the reader's language: asked for again.
        reasons = [each.reason for each in find_obstacles(user)]
        _write(
            user,
            gettext("Your account on %(site_name)s could not be erased yet"),
            [
                *reasons,
                gettext(
                    "Sign in, keep your account, settle this and close it again. "
                    "Otherwise it is tried again on %(day)s."
                )
                % {"day": _day(user.closes_at)},
            ],
            button=gettext("Sign in"),
            path=reverse("privacy:account-close"),
        )


def _lock(user: User) -> User:
    return User.objects.select_for_update(of=["self"]).get(pk=user.pk)


def _day(at: datetime) -> str:
    return date_format(timezone.localtime(at), "DATE_FORMAT")


def _write(
    user: User, subject: str, lines: list[str], *, button: str = "", path: str = ""
) -> None:
    """Queue a mail; nobody may miss it, so no preference is asked."""
    values = {"site_name": settings.SITE_NAME}
    subject, text, html = compose(
        subject % values, lines, link=on_site(path) if path else "", button=button
    )
    queue_mail(user.email, subject=subject, text=text, html=html)
