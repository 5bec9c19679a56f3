"""What a second person's yes does: the money goes on its way back."""

from accounts.models import User
from billing.approvals.models import Approval
from billing.approvals.registry import carries_out
from billing.refunds.services import set_approved


@carries_out(Approval.Kind.REFUND)
def refund_approved(approval: Approval, by: User) -> None:
    """Let the order go on; a job gives the money back after the commit."""
    set_approved(approval.details["order"])
