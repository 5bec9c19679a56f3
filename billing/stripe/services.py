"""Receiving webhooks and working through them."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from billing.stripe.events import reason_to_let_go
from billing.stripe.exceptions import NotOurs
from billing.stripe.models import WebhookInbox
from billing.stripe.objects import Event
from billing.stripe.registry import refresher_for
from jobs.exceptions import Ignored
from jobs.services import enqueue

WEBHOOK = "webhook"


@transaction.atomic
def receive_event(event: Event, *, endpoint: str = "stripe") -> bool:
    """Store an event and return whether it is new; a repeat is only counted."""
    row = WebhookInbox(
        endpoint=endpoint,
        event_id=event.id,
        type=event.type,
        api_version=event.api_version,
        livemode=event.livemode,
        object_kind=event.object_kind,
        object_id=event.object_id,
        payload=event.body,
        created_at=event.created_at,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        WebhookInbox.objects.filter(endpoint=endpoint, event_id=event.id).update(
            deliveries=F("deliveries") + 1
        )
        return False
    enqueue(WEBHOOK, row.pk)
    return True


def refresh(row: WebhookInbox) -> None:
    """Look again at what an event is about. Raises ``Ignored`` with the reason why not.

    Two at once are no harm: each applies what it fetched under the object's lock, and
    the older copy changes nothing.
    """
    if row.livemode != settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")):
        raise Ignored("of the other mode (live or test)")
    reason = reason_to_let_go(row.type)
    if reason:
        raise Ignored(reason)
    refresher = refresher_for(row.object_kind)
    if refresher is None or not row.object_id:
        raise Ignored("about nothing that has an id")
    try:
        refresher(row.object_id)
    except NotOurs as error:
        raise Ignored(str(error)) from error
