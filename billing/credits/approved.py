"""What a second person's yes does: the credit is granted as it was asked for."""

from datetime import datetime

from accounts.models import User
from billing.approvals.models import Approval
from billing.approvals.registry import carries_out
from billing.credits.services import grant_credit


@carries_out(Approval.Kind.CREDIT)
def grant_approved(approval: Approval, by: User) -> None:
    """Grant the credit, in the name of who asked for it."""
    wanted = approval.details
    expires_at = wanted["expires_at"]
    grant_credit(
        approval.organisation_id,
        kind=wanted["kind"],
        amount_nano=wanted["amount_nano"],
        currency=wanted["currency"],
        key=approval.subject,
        reason=wanted["reason"],
        by=approval.asked_by or by,
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
    )
