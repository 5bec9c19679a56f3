"""What an order of staff has the queue do: give the money back."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.refunds.giving import carry_out
from billing.refunds.models import RefundOrder
from billing.stripe.exceptions import StripeUnavailable
from jobs.exceptions import NotNow
from jobs.models import Job
from jobs.registry import JobKind

# The name of the queue's jobs that give money back.
REFUND = "refund"


def give_back(row: RefundOrder, _job: Job) -> None:
    """Have the provider give it back."""
    try:
        carry_out(row)
    except StripeUnavailable as error:
        raise NotNow from error


def find(text: str) -> Q:
    """Return the condition for an invoice's number or the name of an organisation."""
    return Q(invoice__number=text) | Q(invoice__organisation__name__icontains=text)


KIND = JobKind(
    name=REFUND,
    queue="billing",
    rows=lambda: RefundOrder.objects.select_related("invoice__organisation"),
    handle=give_back,
    # Three calls of at most ten seconds, tried three times.
    lease=timedelta(minutes=2),
    # A customer may be waiting for it on the telephone.
    late_after=timedelta(seconds=60),
    is_repeatable=True,
    label=_("Refunds to give"),
    meaning=_(
        "Money that staff ordered back. Working through one again is always safe: what "
        "was given back is found."
    ),
    title=lambda row: str(row.invoice),
    hint=lambda row: row.invoice.organisation.name,
    details=lambda row: (
        (_("Invoice"), str(row.invoice)),
        (_("Organisation"), row.invoice.organisation.name),
        (_("Reason"), row.reason),
    ),
    find=find,
)
