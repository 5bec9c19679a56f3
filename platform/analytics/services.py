"""What staff keep here. The read side itself is written by ``feed``."""

from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from analytics.models import SavedReport
from analytics.watching import restart_watch
from audit.services import record
from core.errors import DomainError


class ReportNameTaken(DomainError):
    """Another report of this kind has the name."""

    code = "name_taken"
    status = 409
    message = _("Another report has this name. Choose a different one.")


@transaction.atomic
def save_report(kind: str, *, name: str, query: str, by: User) -> SavedReport:
    """Keep a question under a name. Raises ``ReportNameTaken``."""
    try:
        with transaction.atomic():
            report = SavedReport.objects.create(
                kind=kind, name=name, query=query, created_by=by
            )
    except IntegrityError as error:
        raise ReportNameTaken from error
    record("report.saved", actor=by, target=report.public_id, after={"name": name})
    return report


@transaction.atomic
def replace_report(report: SavedReport, *, query: str, by: User) -> SavedReport:
    """Keep another question under the same name and address. Raises ``Gone``."""
    locked = SavedReport.objects.locked(report.pk)
    locked.query = query
    locked.changed_at = timezone.now()
    locked.save(update_fields=["query", "changed_at"])
    restart_watch(locked)
    record("report.replaced", actor=by, target=locked.public_id)
    return locked


@transaction.atomic
def delete_report(report: SavedReport, *, by: User) -> None:
    """Forget a report; deleting one that is gone is no error."""
    deleted, _rows = SavedReport.objects.filter(pk=report.pk).delete()
    if deleted:
        record(
            "report.deleted",
            actor=by,
            target=report.public_id,
            before={"name": report.name},
        )


@transaction.atomic
def allow_people(user: User, *, is_allowed: bool) -> None:
    """Let a member of the staff see who is behind numbers, or no longer."""
    permission = Permission.objects.get(
        codename="see_people", content_type__app_label="analytics"
    )
    if is_allowed:
        user.user_permissions.add(permission)
    else:
        user.user_permissions.remove(permission)
    record(
        "people.allowed" if is_allowed else "people.disallowed",
        actor=None,
        target=user.public_id,
    )
