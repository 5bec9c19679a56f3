"""What Stripe's webhooks have the queue do: look at their object again."""

from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.stripe.models import WebhookInbox
from billing.stripe.services import WEBHOOK, refresh
from core import documents
from jobs.models import Job
from jobs.registry import JobKind


def work_through(row: WebhookInbox, _job: Job) -> None:
    """Fetch the event's object and apply it."""
    refresh(row)


def find(text: str) -> Q:
    """Return the condition for an event's id, a type's beginning, or an object's id."""
    if text.startswith("evt_"):
        return Q(event_id=text)
    return Q(type__startswith=text) if "." in text else Q(object_id=text)


KIND = JobKind(
    name=WEBHOOK,
    queue="billing",
    rows=lambda: WebhookInbox.objects.all(),
    handle=work_through,
    # With the sweep every two seconds, what a killed worker had is done within ten. A
    # slow Stripe may take longer: then another asks beside it, which changes nothing.
    lease=timedelta(seconds=6),
    # Fifteen sweeps.
    late_after=timedelta(seconds=30),
    is_repeatable=True,
    label=_("Events from Stripe"),
    meaning=_(
        "Every event Stripe has sent and what became of it. Working through one "
        "again is always safe: the object is fetched anew. Late when the most "
        "urgent one was due more than 30 seconds ago."
    ),
    title=lambda row: row.type,
    hint=lambda row: row.object_id,
    details=lambda row: (
        (_("Event"), row.event_id),
        (_("Object"), f"{row.object_kind} {row.object_id}".strip()),
        (_("Created"), row.created_at),
        (_("Received"), row.received_at),
        (_("Deliveries"), row.deliveries),
        (_("API version"), row.api_version),
    ),
    payload=lambda row: documents.read(row.payload.encode()),
    find=find,
    heavy=("payload",),
)
