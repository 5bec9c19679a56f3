"""Whether sums that have to be equal are: usage, figures, charges."""

from datetime import timedelta

from django.db.models import Count, Min
from django.utils import timezone

from billing.conversion.models import BridgeCheck
from billing.overage.models import CloseCheck
from inference.catalog.models import Deployment
from inference.usage.models import UpstreamSum, UsageEvent
from operations.findings import Said, Status, failure, ok

# Who has more models in trouble than fit on a page has one cause for them.
SHOWN = 10


def look_at_metering() -> Said:
    """What upstreams told of usage since yesterday that could not be believed."""
    since = timezone.now() - timedelta(days=1)
    calls = UsageEvent.objects.filter(occurred_at__gte=since).exclude(doubt="")
    # A gateway that was killed, or a caller who left, is no fault of a server's.
    guesses = calls.filter(status=UsageEvent.Status.OK)
    names = {each.pk: str(each) for each in Deployment.objects.select_related("model")}
    is_quiet = True
    for row in (
        guesses.values("deployment_id", "model")
        .annotate(count=Count("pk"), doubt=Min("doubt"))
        .order_by("-count")[:SHOWN]
    ):
        is_quiet = False
        yield (
            Status.WARNING,
            (
                f"{row['model']} ({names.get(row['deployment_id'] or 0, 'no deployment')}): "
                f"calls since yesterday whose usage is an estimate: {row['count']}, one "
                f"because of {row['doubt']}. See what its server tells, and correct "
                "calls with manage.py usage correct."
            ),
        )
    for each in UpstreamSum.objects.filter(read_at__gte=since, is_off=True):
        is_quiet = False
        yield (
            Status.FAILURE,
            (
                f"{names.get(each.deployment_id, each.deployment_id)} counted "
                f"{each.tokens_in} tokens read and {each.tokens_out} written, we billed "
                f"{each.own_in} and {each.own_out}: does anybody else use it, and are its "
                "answers whole?"
            ),
        )
    if is_quiet:
        yield Status.OK, "Every server told its usage readably since yesterday."


def look_at_figures() -> Said:
    """Whether the figures added up to the ledger when they were last compared."""
    checked = BridgeCheck.objects.order_by("-at").first()
    if checked is None:
        yield ok("The figures have not been compared with the ledger yet.")
    elif checked.is_whole:
        yield ok(f"Figures and ledger agreed on {checked.at:%Y-%m-%d %H:%M} UTC.")
    else:
        yield failure(
            f"On {checked.at:%Y-%m-%d %H:%M} UTC {checked.revenue} minor units and "
            f"{checked.cost_nano} nano-dollars of the ledger were in no figure: run "
            "manage.py conversion rebuild, which says whose."
        )


def look_at_charges() -> Said:
    """Whether what was charged for usage was the ledger's, and at Stripe."""
    checked = CloseCheck.objects.order_by("-at").first()
    if checked is None:
        yield ok("What is charged for usage has not been compared with Stripe yet.")
    elif checked.is_whole:
        yield ok(
            f"Ledger and Stripe agreed on {checked.lines} lines of usage on "
            f"{checked.at:%Y-%m-%d %H:%M} UTC."
        )
    else:
        yield failure(
            f"On {checked.at:%Y-%m-%d %H:%M} UTC {checked.differences} lines of usage "
            "differed between the ledger and Stripe: run manage.py overage check, "
            "which says which."
        )
