"""What a decision on an appeal does: what was imposed is lifted, or stays."""

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from community.moderation.deciding import Consequence, register
from community.moderation.models import Case
from community.standing import services as standing
from community.standing.models import Sanction
from notifications.models import Kind
from notifications.services import notify


def _lock(case: Case) -> None:
    list(Sanction.objects.select_for_update().filter(pk=_key(case)))


def _apply(case: Case, by: User) -> bool:
    sanction = Sanction.objects.get(pk=_key(case))
    if case.outcome != Case.Outcome.AGREED or not sanction.is_in_force:
        return False
    standing.lift_sanction(sanction, by=by)
    return True


def _take_back(case: Case, by: User) -> None:
    """Impose again what was lifted, for the time that was left of it."""
    sanction = Sanction.objects.get(pk=_key(case))
    if sanction.until is None or sanction.until > timezone.now():
        standing.sanction_person(
            User.objects.get(pk=sanction.user_id),
            kind=sanction.kind,
            reason=sanction.reason,
            until=sanction.until,
            by=by,
        )


def _notify(case: Case, by: User) -> None:
    """Tell who appealed; of a lifted sanction they are told by its own message."""
    if case.did_change:
        return
    notify(
        case.subject_id,
        Kind.MODERATION,
        dedupe_key=f"appeal:{case.pk}",
        url=standing.PAGE,
        title=lambda: _("Your appeal was looked at: nothing changes"),
        body=case.note,
        actor_id=by.pk,
    )


def _key(case: Case) -> int:
    assert case.sanction_id is not None  # noqa: S101 - a constraint: appeals have one
    return case.sanction_id


register(Case.Kind.APPEAL, Consequence(_lock, _apply, _take_back, _notify))
