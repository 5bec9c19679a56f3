"""Imposing something on a person, lifting it, and choosing their level."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import services as audit
from community.standing.exceptions import (
    CannotSanction,
    EndInThePast,
    SanctionOver,
    until_when,
    why,
)
from community.standing.models import Level, Sanction, Trust
from contracts.community import PersonSanctioned, SanctionLifted
from notifications.fan_out import Words
from notifications.models import Kind
from notifications.services import notify
from outbox import publish

# Where a person reads what is imposed on them, and appeals.
PAGE = "/settings/standing/"


@transaction.atomic
def sanction_person(
    person: User, *, kind: str, reason: str, until: datetime | None, by: User
) -> Sanction:
    """Silence or suspend ``person``; they are told why and until when.

    Another one of the same kind takes the place of the one in force. The person's row
    is locked, so that of two at once the later one stays. Raises ``CannotSanction`` or
    ``EndInThePast``.
    """
    locked = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    now = timezone.now()
    if locked.is_staff or locked.is_moderator or locked.pk == by.pk:
        raise CannotSanction
    if until is not None and until <= now:
        raise EndInThePast
    Sanction.objects.filter(user=locked, kind=kind, lifted_at=None).update(
        lifted_at=now, lifted_by=by
    )
    sanction = Sanction.objects.create(
        user=locked, kind=kind, reason=reason, until=until, by=by
    )
    audit.record(
        f"person.{kind}",
        actor=by,
        target=f"user:{locked.username}",
        after={"reason": reason, "until": until.isoformat() if until else ""},
    )
    _notify(
        sanction,
        lambda: (
            _("You are suspended from the community")
            if kind == Sanction.Kind.SUSPENSION
            else _("You cannot write in the community for now")
        ),
        lambda: f"{until_when(sanction)} {why(sanction)}",
    )
    publish(
        PersonSanctioned(
            sanction_id=sanction.pk, user_id=locked.pk, by_id=by.pk, kind=kind
        )
    )
    return sanction


@transaction.atomic
def lift_sanction(sanction: Sanction, *, by: User) -> Sanction:
    """End a sanction before its time; the person is told. Raises ``SanctionOver``."""
    locked = Sanction.objects.select_for_update(of=("self",)).get(pk=sanction.pk)
    if not locked.is_in_force:
        raise SanctionOver
    locked.lifted_at, locked.lifted_by = timezone.now(), by
    locked.save(update_fields=["lifted_at", "lifted_by"])
    person = User.objects.get(pk=locked.user_id)
    audit.record(
        f"person.{locked.kind}_lifted", actor=by, target=f"user:{person.username}"
    )
    _notify(
        locked,
        lambda: _("You can take part in the community again"),
        lambda: "",
    )
    publish(
        SanctionLifted(
            sanction_id=locked.pk, user_id=locked.user_id, by_id=by.pk, kind=locked.kind
        )
    )
    return locked


@transaction.atomic
def set_level(person: User, *, level: Level, is_locked: bool, by: User) -> Trust:
    """Choose the level of ``person``; a locked one is not measured any more."""
    trust, _is_new = Trust.objects.select_for_update().get_or_create(user=person)
    before = trust.level
    trust.level, trust.is_locked, trust.kept_until = level, is_locked, None
    if before != level:
        trust.since = timezone.now()
    trust.save(update_fields=["level", "is_locked", "kept_until", "since"])
    audit.record(
        "person.level",
        actor=by,
        target=f"user:{person.username}",
        before={"level": before},
        after={"level": int(level), "is_locked": is_locked},
    )
    return trust


def _notify(sanction: Sanction, title: Words, body: Words) -> None:
    notify(
        sanction.user_id,
        Kind.MODERATION,
        dedupe_key=f"sanction:{sanction.pk}:{'over' if sanction.lifted_at else 'begun'}",
        url=PAGE,
        title=title,
        body=body,
    )
