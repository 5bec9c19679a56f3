"""What subscriptions have the queue do: tell Stripe whom it bills."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.stripe.exceptions import StripeMissing, StripeUnavailable
from billing.subscriptions.customers import write_customer
from billing.subscriptions.models import BillingAccount
from jobs.exceptions import Ignored, NotNow
from jobs.models import Job
from jobs.registry import JobKind

# The name of the queue's jobs that tell Stripe of a changed organisation.
CUSTOMER = "customer"


def write_account(account: BillingAccount, _job: Job) -> None:
    """Tell the payment provider what the organisation's settings say by now."""
    try:
        is_told = write_customer(account)
    except StripeUnavailable as error:
        raise NotNow from error
    except StripeMissing:
        raise Ignored("The provider has no such customer any more.") from None
    if not is_told:
        raise Ignored("A contract says who is billed, or nobody was yet.")


KIND = JobKind(
    name=CUSTOMER,
    queue="billing",
    rows=lambda: BillingAccount.objects.select_related("organisation"),
    handle=write_account,
    # One call of at most ten seconds, tried three times.
    lease=timedelta(minutes=1),
    # The next bill is seldom nearer.
    late_after=timedelta(minutes=5),
    is_repeatable=True,
    label=_("Customers to change"),
    meaning=_(
        "Organisations whose name or address for bills was changed and is to be told to "
        "the payment provider. Working through one again is always safe."
    ),
    title=lambda account: account.organisation.name,
    hint=lambda account: account.stripe_customer_id or "",
    details=lambda account: (
        (_("Organisation"), account.organisation.name),
        (_("Customer"), account.stripe_customer_id or ""),
    ),
    find=lambda text: (
        Q(stripe_customer_id=text) | Q(organisation__name__icontains=text)
    ),
)
