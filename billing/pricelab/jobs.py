"""What the price lab has the queue do: replay a month, which may be a large one."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.pricelab.exceptions import NoDollarRate, OtherCurrency
from billing.pricelab.models import PlanCandidate
from billing.pricelab.services import REPLAY, replace_replay
from jobs.exceptions import Hopeless
from jobs.models import Job
from jobs.registry import JobKind


def replay(candidate: PlanCandidate, _job: Job) -> None:
    """Replay the last whole month through a candidate."""
    try:
        replace_replay(candidate)
    except (NoDollarRate, OtherCurrency) as no:
        # Settings changed since it was asked for.
        raise Hopeless(str(no)) from None


KIND = JobKind(
    name=REPLAY,
    queue="billing",
    rows=lambda: PlanCandidate.objects.select_related("plan"),
    handle=replay,
    is_local=True,
    # Begun at once, and from then on under the row's lock.
    lease=timedelta(seconds=6),
    # Who asked for it looks at the page and waits.
    late_after=timedelta(minutes=1),
    is_repeatable=True,
    label=_("Months to replay"),
    meaning=_(
        "Candidates of the price lab that the last month is to be replayed through. "
        "Working through one again replaces what was replayed."
    ),
    title=lambda candidate: candidate.name,
    hint=lambda candidate: candidate.plan.name,
    details=lambda candidate: (
        (_("Candidate"), candidate.name),
        (_("Plan"), candidate.plan.name),
    ),
    find=lambda text: Q(name__icontains=text),
)
