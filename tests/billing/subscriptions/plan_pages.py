"""The pages that change a plan, as a browser goes through them."""

from typing import Any

from django.test import Client

from billing.subscriptions import mirror
from billing.subscriptions.models import PlanChange, Subscription


def console(row: Subscription, page: str = "") -> str:
    return f"/console/{row.organisation.slug}/billing/{page}"


def shown(client: Client, row: Subscription, **wanted: str) -> PlanChange:
    """Choose a change and return what its page showed."""
    values = {"plan": "team", "interval": "month", "seats": "5", "code": ""}
    answer = client.post(console(row, "change/"), values | wanted)
    assert answer.status_code == 302, answer.content.decode()
    page = client.get(answer["Location"])
    assert page.status_code == 200
    return PlanChange.objects.latest("pk")


def confirmed(client: Client, change: PlanChange) -> Any:
    row = change.subscription
    return client.post(console(row, f"change/{change.uuid}/"))


def again(row: Subscription) -> Subscription:
    found = mirror.sync_subscription(row.stripe_id)
    assert found is not None
    return found
