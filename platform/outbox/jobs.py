"""What the outbox has the queue do: have each subscriber hear each fact."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.context import network, request_id
from jobs.models import Job
from jobs.registry import JobKind
from outbox.models import Event
from outbox.queries import fact_of
from outbox.registry import FACT, call


def deliver(event: Event, job: Job) -> None:
    """Have one subscriber hear a fact, under the request that published it."""
    token = request_id.set(event.request_id or "-")
    network_token = network.set(event.network)
    try:
        call(job.part, fact_of(event))
    finally:
        request_id.reset(token)
        network.reset(network_token)


KIND = JobKind(
    name=FACT,
    queue="default",
    rows=lambda: Event.objects.all(),
    handle=deliver,
    is_local=True,
    # Most subscribers take milliseconds, so ten are begun long before the lease ends;
    # what is not begun by then goes to another worker.
    batch=10,
    # With the sweep every two seconds, what a killed worker had is heard within ten.
    lease=timedelta(seconds=6),
    # Fifteen sweeps.
    late_after=timedelta(seconds=30),
    kept=timedelta(days=30),
    dated_by="published_at",
    label=_("Facts to be heard"),
    meaning=_(
        "What the areas tell each other, one line for each who hears it. Late "
        "when the most urgent one was due more than 30 seconds ago: then a "
        "worker or beat is missing."
    ),
    title=lambda event: event.name,
    hint=lambda event: f"#{event.pk}",
    details=lambda event: (
        (_("Fact"), event.name),
        (pgettext_lazy("moment", "Published"), event.published_at),
        (_("Request"), event.request_id),
    ),
    payload=lambda event: event.payload,
    find=lambda text: Q(name=text),
)
