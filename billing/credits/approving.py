"""Large grants of credit: one of staff asks, another one decides, their yes grants.

Credit in parts is as much as credit at once (``billing.approvals.limits``).
"""

from datetime import datetime
from typing import Any

from django.db.models import Sum

from accounts.models import Organisation, User
from billing.approvals import services as approvals
from billing.approvals.exceptions import NeedsApproval
from billing.approvals.limits import (
    approved_subjects,
    counts_since,
    needs_second_person,
)
from billing.approvals.models import Approval
from billing.credits.models import CreditEntry, CreditGrant
from core.money import NANO, minor_per_unit


def require_second_person(
    organisation_id: int, amount_nano: int, currency: str, *, key: str, by: User
) -> None:
    """Refuse ``by`` so much credit without a second person. Raises ``NeedsApproval``.

    Called in the transaction that grants it, which holds the organisation.
    """
    amount = _minor(amount_nano, currency)
    alone = _minor(_given_alone(organisation_id, currency, by=by), currency)
    if not needs_second_person(
        Approval.Kind.CREDIT, amount=amount, currency=currency, alone=alone
    ):
        return
    approval = approvals.require_approval(
        Approval.Kind.CREDIT,
        subject=key,
        organisation_id=organisation_id,
        amount=amount,
    )
    if approval.details["amount_nano"] != amount_nano:
        raise NeedsApproval


def ask_for_credit(
    organisation: Organisation,
    *,
    kind: str,
    amount_nano: int,
    currency: str,
    key: str,
    reason: str,
    expires_at: datetime | None,
    by: User,
) -> Approval:
    """Ask a second person for it. Raises ``OwnOrganisation`` or ``AlreadyAsked``."""
    details: dict[str, Any] = {
        "kind": kind,
        "amount_nano": amount_nano,
        "currency": currency,
        "reason": reason,
        "expires_at": expires_at.isoformat() if expires_at else None,
    }
    return approvals.request_approval(
        Approval.Kind.CREDIT,
        subject=key,
        organisation=organisation,
        amount=_minor(amount_nano, currency),
        currency=currency,
        details=details,
        reason=reason,
        by=by,
    )


def _given_alone(organisation_id: int, currency: str, *, by: User) -> int:
    """Return what ``by`` gave and nobody took back, in billionths of ``currency``."""
    grants = CreditGrant.objects.filter(
        organisation=organisation_id,
        currency=currency,
        granted_by=by,
        granted_at__gte=counts_since(),
    ).exclude(key__in=approved_subjects(Approval.Kind.CREDIT, organisation_id))
    kinds = [CreditEntry.Kind.GRANTED, CreditEntry.Kind.WITHDRAWN]
    moved = CreditEntry.objects.filter(grant__in=grants, kind__in=kinds)
    return int(moved.aggregate(sum=Sum("delta_nano"))["sum"] or 0)


def _minor(amount_nano: int, currency: str) -> int:
    """Return minor units, a part of one counted as one: a limit is never passed."""
    return -(-amount_nano * minor_per_unit(currency) // NANO)
