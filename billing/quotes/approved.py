"""What a second person's yes does: the quote with the large discount is sent."""

from accounts.models import User
from billing.approvals.models import Approval
from billing.approvals.registry import carries_out
from billing.quotes.models import Quote
from billing.quotes.services import issue_quote


@carries_out(Approval.Kind.DISCOUNT)
def send_approved(approval: Approval, by: User) -> None:
    """Send the quote as it was when the discount was asked for.

    Raises what ``issue_quote`` raises: ``NeedsApproval`` where its terms are others.
    """
    quote = Quote.objects.get(pk=approval.details["quote"])
    issue_quote(quote, by=approval.asked_by or by)
