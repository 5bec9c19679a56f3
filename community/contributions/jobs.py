"""What contributions have the queue do: act on what GitHub delivered."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from community.contributions.models import Delivery
from community.contributions.services import CONTRIBUTION, act_on
from jobs.models import Job
from jobs.registry import JobKind


def give_credit(delivery: Delivery, _job: Job) -> None:
    """Give credit for merged work, once."""
    act_on(delivery)


KIND = JobKind(
    name=CONTRIBUTION,
    queue="default",
    rows=lambda: Delivery.objects.all(),
    handle=give_credit,
    is_local=True,
    # Begun at once, and from then on under the row's lock.
    lease=timedelta(seconds=6),
    # Four sweeps.
    late_after=timedelta(minutes=1),
    # GitHub itself shows its deliveries for three days.
    kept=timedelta(days=30),
    dated_by="received_at",
    label=_("Events from GitHub"),
    meaning=_(
        "What GitHub sent, and what became of it. Late when the most urgent one "
        "was due more than a minute ago."
    ),
    title=lambda delivery: f"{delivery.event} {delivery.action}".strip(),
    hint=lambda delivery: delivery.pk,
    details=lambda delivery: (
        (_("Event"), delivery.pk),
        (_("Received"), delivery.received_at),
        (_("Deliveries"), delivery.deliveries),
    ),
    payload=lambda delivery: delivery.payload,
    find=lambda text: Q(pk=text) | Q(event=text),
    heavy=("payload",),
)
