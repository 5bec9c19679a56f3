"""Two people for what is large: one asks, another one decides, the decision acts.

A service that gives something calls ``require_approval`` in the transaction that gives
it, so that no way around a page is a way around the rule.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from audit import services as audit
from billing.approvals import notices, permissions
from billing.approvals.exceptions import (
    AlreadyAsked,
    ApprovalClosed,
    NeedsApproval,
    NotYourDecision,
    OwnOrganisation,
)
from billing.approvals.models import Approval
from billing.approvals.registry import act_for
from contracts.billing import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRejected,
    ApprovalRequested,
    ApprovalWithdrawn,
)
from outbox import publish

# Long enough for a colleague to be back from a few days off, short enough that what
# was asked for is still wanted as it was.
OPEN_FOR = timedelta(days=7)

State = Approval.State


@transaction.atomic
def request_approval(
    kind: Approval.Kind,
    *,
    subject: str,
    organisation: Organisation,
    amount: int,
    currency: str,
    details: Mapping[str, Any],
    reason: str,
    by: User,
) -> Approval:
    """Ask for a second person, and tell them. ``amount`` in minor units.

    Raises ``OwnOrganisation``, or ``AlreadyAsked`` where the same waits or was
    approved.
    """
    if not permissions.can_ask(by, organisation):
        raise OwnOrganisation
    now = timezone.now()
    # One that nobody decided in time makes way at once.
    stale = Approval.objects.select_for_update().filter(
        kind=kind, subject=subject, state=State.WAITING, expires_at__lte=now
    )
    for old in stale:
        _end(old, State.EXPIRED)
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                kind=kind,
                subject=subject,
                organisation=organisation,
                amount=amount,
                currency=currency,
                details=dict(details),
                reason=reason.strip(),
                asked_by=by,
                asked_at=now,
                expires_at=now + OPEN_FOR,
            )
    except IntegrityError as error:
        raise AlreadyAsked from error
    _audit("approval.requested", approval, by=by)
    publish(ApprovalRequested(**_fact(approval), user_id=by.pk))
    notices.notify_staff(approval)
    return approval


@transaction.atomic
def approve(approval: Approval, *, by: User, answer: str) -> Approval:
    """Let it be done, and do it. Raises ``NotYourDecision`` or ``ApprovalClosed``.

    The row is locked, so that of two decisions one counts; what is done belongs to the
    same transaction.
    """
    locked = _decide(approval, State.APPROVED, by=by, answer=answer)
    act_for(locked.kind)(locked, by)
    _audit("approval.granted", locked, by=by)
    publish(ApprovalGranted(**_fact(locked), user_id=by.pk))
    notices.notify_asker(locked)
    return locked


@transaction.atomic
def reject(approval: Approval, *, by: User, answer: str) -> Approval:
    """Say no. Raises ``NotYourDecision`` or ``ApprovalClosed``."""
    locked = _decide(approval, State.REJECTED, by=by, answer=answer)
    _audit("approval.rejected", locked, by=by)
    publish(ApprovalRejected(**_fact(locked), user_id=by.pk))
    notices.notify_asker(locked)
    return locked


@transaction.atomic
def withdraw(approval: Approval, *, by: User) -> Approval:
    """Take a request back. Raises ``NotYourDecision`` or ``ApprovalClosed``."""
    if by.pk != approval.asked_by_id:
        raise NotYourDecision
    locked = _open(approval)
    _end(locked, State.WITHDRAWN)
    _audit("approval.withdrawn", locked, by=by)
    publish(ApprovalWithdrawn(**_fact(locked), user_id=by.pk))
    return locked


@transaction.atomic
def drop_requests(kind: Approval.Kind, *, about: str) -> None:
    """Take back what waits about subjects that begin with ``about``."""
    rows = Approval.objects.select_for_update().filter(
        kind=kind, subject__startswith=about, state=State.WAITING
    )
    for row in rows.order_by("pk"):
        _end(row, State.WITHDRAWN)
        publish(ApprovalWithdrawn(**_fact(row)))


def require_approval(
    kind: Approval.Kind, *, subject: str, organisation_id: int, amount: int
) -> Approval:
    """Return the approval of exactly this. Raises ``NeedsApproval``."""
    found = Approval.objects.filter(
        kind=kind,
        subject=subject,
        organisation_id=organisation_id,
        amount=amount,
        state=State.APPROVED,
    ).first()
    if found is None:
        raise NeedsApproval
    return found


def expire_requests() -> int:
    """Close what nobody decided in time; return how many that were."""
    due = Approval.objects.filter(state=State.WAITING, expires_at__lte=timezone.now())
    return sum(_expire(pk) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def _expire(pk: int) -> int:
    row = Approval.objects.select_for_update(of=("self",)).get(pk=pk)
    if row.state != State.WAITING or row.expires_at > timezone.now():
        return 0
    _end(row, State.EXPIRED)
    notices.notify_asker(row)
    return 1


def _decide(approval: Approval, state: str, *, by: User, answer: str) -> Approval:
    if not permissions.can_decide(by, approval):
        raise NotYourDecision
    locked = _open(approval)
    locked.state = state
    locked.decided_by = by
    locked.decided_at = timezone.now()
    locked.answer = answer.strip()
    locked.save(update_fields=["state", "decided_by", "decided_at", "answer"])
    return locked


def _open(approval: Approval) -> Approval:
    rows = Approval.objects.select_for_update(of=("self",))
    locked = rows.select_related("organisation", "asked_by").get(pk=approval.pk)
    if not locked.is_waiting:
        raise ApprovalClosed
    return locked


def _end(row: Approval, state: str) -> None:
    row.state = state
    row.decided_at = timezone.now()
    row.save(update_fields=["state", "decided_at"])
    if state == State.EXPIRED:
        _audit("approval.expired", row, by=None)
        publish(ApprovalExpired(**_fact(row)))


def _fact(row: Approval) -> dict[str, Any]:
    return {
        "approval_id": row.pk,
        "organisation_id": row.organisation_id,
        "kind": str(row.kind),
        "amount": row.amount,
        "currency": row.currency,
    }


def _audit(action: str, row: Approval, *, by: User | None) -> None:
    audit.record(
        action,
        actor=by,
        organisation=row.organisation,
        target=str(row),
        after={
            "amount": row.amount,
            "currency": row.currency,
            "reason": row.reason,
            "answer": row.answer,
        },
    )
