"""Webhooks that never came."""

import json
from collections.abc import Iterator
from datetime import datetime

from billing.stripe import lists
from billing.stripe import services as inbox
from billing.stripe.events import reason_to_let_go
from billing.stripe.models import WebhookInbox
from billing.stripe.webhooks import parse_event
from billing.subscriptions.reconciliation.work import Difference, Work


def events(work: Work, *, since: datetime) -> Iterator[Difference]:
    """Work through the webhooks that never came."""
    for raw in lists.events_since(int(since.timestamp())):
        try:
            event = parse_event(raw, body=json.dumps(raw))
        except (ValueError, KeyError, TypeError):
            continue
        is_known = WebhookInbox.objects.filter(event_id=event.id).exists()
        if is_known or reason_to_let_go(event.type):
            continue
        if work.fix:
            inbox.receive_event(event)
        yield work.repair("event", event.id, event.type, "missing", "sent")
