"""What a signature has the queue do: make the subscription, however often it takes."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.quotes.contracting import provision
from billing.quotes.models import Contract
from billing.stripe.exceptions import StripeUnavailable
from jobs.exceptions import NotNow
from jobs.models import Job
from jobs.registry import JobKind

# The name of the queue's jobs that set contracts up.
CONTRACT = "contract"


def set_up(row: Contract, _job: Job) -> None:
    """Make the subscription of a contract."""
    try:
        provision(row)
    except StripeUnavailable as error:
        raise NotNow from error


def find(text: str) -> Q:
    """Return the condition for a quote's id or the name of an organisation."""
    if text.startswith("quo_"):
        return Q(quote__public_id=text)
    return Q(organisation__name__icontains=text)


KIND = JobKind(
    name=CONTRACT,
    queue="billing",
    rows=lambda: Contract.objects.select_related("quote", "organisation"),
    handle=set_up,
    # Some ten calls of at most ten seconds each, tried three times.
    lease=timedelta(minutes=5),
    # A buyer who has signed waits for it.
    late_after=timedelta(seconds=60),
    is_repeatable=True,
    label=_("Contracts to set up"),
    meaning=_(
        "Quotes that were accepted and whose subscription is to be made at the payment "
        "provider. Working through one again is always safe: what was made is found."
    ),
    title=lambda row: row.quote.number,
    hint=lambda row: row.organisation.name,
    details=lambda row: (
        (pgettext_lazy("sales", "Quote"), row.quote.number),
        (_("Organisation"), row.organisation.name),
        (pgettext_lazy("moment", "Accepted"), row.created_at),
    ),
    find=find,
)
