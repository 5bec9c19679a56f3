"""Measuring levels, and giving and revoking badges."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import services as audit
from community.standing.models import Level, Trust
from community.trust.badges import BADGES, Badge
from community.trust.exceptions import BadgeRevoked
from community.trust.figures import Figures, figures_of
from community.trust.models import BadgeAward, LevelChange
from community.trust.requirements import GRACE_DAYS, as_json, measured_level
from contracts.community import LevelChanged
from notifications.fan_out import notify_all
from notifications.models import Kind
from notifications.services import notify
from outbox import publish

# Some hundred milliseconds of work, and as many rows as one transaction may lock.
CHUNK = 500

# The rules are our own table; what they ask for is a parameter.
_GIVE = """
INSERT INTO trust_badgeaward (user_id, badge, given_at, reason)
SELECT due.user_id, %(badge)s, now(), '' FROM ({due}) AS due
  JOIN accounts_user AS person ON person.id = due.user_id
 WHERE person.is_active ORDER BY due.user_id
ON CONFLICT (user_id, badge) DO NOTHING RETURNING user_id
"""


def assess_person(person: User) -> Level:
    """Measure one person now; return their level."""
    _assess([person.pk])
    trust = Trust.objects.filter(pk=person.pk).first()
    return Level(trust.level) if trust else Level.NEWCOMER


def assess_everybody() -> int:
    """Measure everybody who read or was measured; return how many levels changed.

    In pieces of so many people, each a transaction, by their keys: a run that was
    stopped is done again without harm.
    """
    changed, last = 0, 0
    while people := _next_people(last):
        changed += _assess(people)
        last = people[-1]
    return changed


def give_badges() -> int:
    """Give every badge to whom it is due, once; return how many were given."""
    return sum(_give(badge) for badge in BADGES.values())


@transaction.atomic
def revoke_badge(award: BadgeAward, *, by: User, reason: str) -> None:
    """Take a badge from a person; it is not given again. Raises ``BadgeRevoked``."""
    locked = BadgeAward.objects.select_for_update(of=("self",)).get(pk=award.pk)
    if locked.revoked_at:
        raise BadgeRevoked
    locked.revoked_at, locked.revoked_by = timezone.now(), by
    locked.reason = reason
    locked.save(update_fields=["revoked_at", "revoked_by", "reason"])
    audit.record(
        "badge.revoked",
        actor=by,
        target=f"user:{User.objects.get(pk=locked.user_id).username}",
        after={"badge": locked.badge, "reason": reason},
    )


def _next_people(last: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person.id FROM accounts_user AS person"
            " WHERE person.id > %s AND person.is_active AND NOT person.is_staff"
            " AND NOT person.is_moderator AND (EXISTS (SELECT 1 FROM forum_readingday"
            " WHERE user_id = person.id) OR EXISTS (SELECT 1 FROM standing_trust"
            " WHERE user_id = person.id)) ORDER BY person.id LIMIT %s",
            [last, CHUNK],
        )
        return [pk for (pk,) in cursor.fetchall()]


@transaction.atomic
def _assess(people: Sequence[int]) -> int:
    """Measure people; the rows are locked in the order of their keys."""
    now = timezone.now()
    Trust.objects.bulk_create(
        [Trust(user_id=pk, since=now) for pk in people], ignore_conflicts=True
    )
    rows = Trust.objects.select_for_update().filter(pk__in=people, is_locked=False)
    figures = figures_of(people)
    changed = []
    measured = list(rows.order_by("pk"))
    for trust in measured:
        found = figures.get(trust.pk, Figures())
        may_fall = trust.kept_until is None or trust.kept_until <= now
        present = Level(trust.level)
        level = measured_level(found, present=present, may_fall=may_fall)
        trust.measured_at = now
        if level != present:
            trust.level, trust.since = level, now
            is_rise = level > present
            trust.kept_until = now + timedelta(days=GRACE_DAYS) if is_rise else None
            changed.append((trust, present, found))
    Trust.objects.bulk_update(measured, ["level", "since", "kept_until", "measured_at"])
    for trust, before, found in changed:
        _record(trust, before, found)
    return len(changed)


def _record(trust: Trust, before: Level, figures: Figures) -> None:
    LevelChange.objects.create(
        user_id=trust.pk, before=before, after=trust.level, figures=as_json(figures)
    )
    publish(LevelChanged(user_id=trust.pk, level=trust.level, level_before=int(before)))
    level = Level(trust.level)
    notify(
        trust.pk,
        Kind.LEVEL,
        dedupe_key=f"level:{int(level)}",
        url="/settings/trust/",
        title=lambda: (
            (
                _("You have reached level %(number)d: %(name)s")
                if level > before
                else _("You are at level %(number)d now: %(name)s")
            )
            % {"number": int(level), "name": level.label}
        ),
    )


@transaction.atomic
def _give(badge: Badge) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            _GIVE.format(due=badge.due),
            {"badge": badge.slug, "least": badge.least},
        )
        given = [pk for (pk,) in cursor.fetchall()]
    if given:
        notify_all(
            User.objects.filter(pk__in=given),
            Kind.LEVEL,
            dedupe_key=f"badge:{badge.slug}",
            url="/badges/",
            title=lambda: _("You have a new badge: %(name)s") % {"name": badge.name},
        )
    return len(given)
