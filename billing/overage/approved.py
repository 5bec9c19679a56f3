"""What a second person's yes does: the rest of a statement is asked for no more."""

from accounts.models import User
from billing.approvals.models import Approval
from billing.approvals.registry import carries_out
from billing.overage.settling import carry_out


@carries_out(Approval.Kind.WRITE_OFF)
def write_off_approved(approval: Approval, by: User) -> None:
    """Write it off, in the name of who asked for it."""
    carry_out(approval.details["write_off"], by=by)
