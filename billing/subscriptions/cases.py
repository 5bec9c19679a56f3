"""What about money waits for a person, and telling them at once."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.preferences import speak_to
from audit import services as audit
from billing.subscriptions.models import Case
from notifications.models import Kind
from notifications.services import notify


@transaction.atomic
def open_case(
    kind: str,
    object_id: str,
    *,
    field: str = "",
    organisation_id: int | None = None,
    ours: str = "",
    theirs: str = "",
    due_at: datetime | None = None,
) -> bool:
    """Put something before staff, once while it is open; return whether it is new."""
    case, is_new = Case.objects.get_or_create(
        kind=kind,
        object_id=object_id,
        field=field,
        closed_at=None,
        defaults={
            "organisation_id": organisation_id,
            "ours": ours,
            "theirs": theirs,
            "due_at": due_at,
        },
    )
    if is_new:
        _notify_staff(case)
    elif (case.ours, case.theirs, case.due_at) != (ours, theirs, due_at):
        case.ours, case.theirs, case.due_at = ours, theirs, due_at
        case.save(update_fields=["ours", "theirs", "due_at"])
    return is_new


def close(
    kind: str, object_id: str, *, field: str | None = None, note: str = ""
) -> None:
    """Close what put itself right."""
    found = Case.objects.filter(kind=kind, object_id=object_id, closed_at=None)
    if field is not None:
        found = found.filter(field=field)
    found.update(closed_at=timezone.now(), note=note)


def close_others(kind: str, organisation_id: int, *, still: Collection[str]) -> None:
    """Close an organisation's cases of a kind but those about ``still``."""
    Case.objects.filter(
        ~Q(object_id__in=still),
        kind=kind,
        organisation_id=organisation_id,
        closed_at=None,
    ).update(closed_at=timezone.now())


@transaction.atomic
def settle_case(case: Case, *, by: User, note: str) -> bool:
    """Close a case as ``by`` says; return whether it was open."""
    claimed = Case.objects.filter(pk=case.pk, closed_at=None).update(
        closed_at=timezone.now(), closed_by=by, note=note
    )
    if claimed:
        audit.record(
            "case.closed",
            actor=by,
            organisation=case.organisation,
            target=str(case)[:200],
            after={"note": note},
        )
    return bool(claimed)


def _notify_staff(case: Case) -> None:
    for user in User.objects.filter(is_staff=True, is_active=True).order_by("pk"):
        with speak_to(user):
            title = _("%(what)s: %(object)s") % {
                "what": case.get_kind_display(),
                "object": case.object_id,
            }
            notify(
                user.pk,
                Kind.BILLING,
                dedupe_key=f"case-{case.pk}",
                url=reverse("subscriptions:case-list"),
                title=title,
                body=_("It needs a person. What is known is on the page."),
            )
