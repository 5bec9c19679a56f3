"""Plans that staff give: without payment, with a reason, and taken back again."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organisation, User
from audit import services as audit
from billing.plans.models import PlanVersion
from billing.subscriptions import notices
from billing.subscriptions.entitling import refresh_entitlements
from billing.subscriptions.exceptions import GrantIsOver
from billing.subscriptions.mirror import supersede_checkouts
from billing.subscriptions.models import StaffGrant


@transaction.atomic
def grant_plan(
    organisation: Organisation,
    *,
    version: PlanVersion,
    by: User | None,
    reason: str,
    seats: int = 1,
    ends_at: datetime | None = None,
) -> StaffGrant:
    """Give an organisation a plan without payment; its open checkout gives way.

    The same wish again is the same grant. Locks the organisation.
    """
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    grant, is_new = StaffGrant.objects.in_force().get_or_create(
        organisation=organisation,
        plan_version=version,
        seats=seats,
        reason=reason,
        ends_at=ends_at,
        defaults={"granted_by": by},
    )
    if not is_new:
        return grant
    audit.record(
        "plan.granted",
        actor=by,
        organisation=organisation,
        target=str(version),
        after={
            "reason": reason,
            "seats": seats,
            "until": ends_at.isoformat() if ends_at else "",
        },
    )
    refresh_entitlements(organisation.pk)
    supersede_checkouts(organisation.pk)
    return grant


@transaction.atomic
def give_plan(
    organisation: Organisation,
    *,
    version: PlanVersion,
    by: User,
    reason: str,
    seats: int,
    ends_at: datetime | None,
) -> StaffGrant:
    """Give a plan as ``grant_plan`` does, and tell who looks after the money."""
    grant = grant_plan(
        organisation,
        version=version,
        by=by,
        reason=reason,
        seats=seats,
        ends_at=ends_at,
    )
    notices.notify_given(grant)
    return grant


@transaction.atomic
def revoke_grant(grant: StaffGrant, *, by: User, reason: str) -> None:
    """Take a given plan back at once, and say so. Raises ``GrantIsOver``.

    Locks the organisation, so that of two who take it back one does.
    """
    Organisation.objects.select_for_update().get(pk=grant.organisation_id)
    now = timezone.now()
    claimed = StaffGrant.objects.in_force().filter(pk=grant.pk)
    if not claimed.update(revoked_at=now, settled_at=now):
        raise GrantIsOver
    audit.record(
        "plan.grant_revoked",
        actor=by,
        organisation=grant.organisation,
        target=str(grant.plan_version),
        after={"reason": reason},
    )
    refresh_entitlements(grant.organisation_id)
    notices.notify_taken_back(grant, reason=reason)


def expire_staff_grants() -> int:
    """Put the end of staff grants into effect; return how many."""
    now = timezone.now()
    over = StaffGrant.objects.filter(settled_at=None).filter(
        Q(ends_at__lte=now) | Q(revoked_at__isnull=False)
    )
    count = 0
    for grant in list(over):
        refresh_entitlements(grant.organisation_id)
        count += StaffGrant.objects.filter(pk=grant.pk).update(settled_at=now)
    return count
