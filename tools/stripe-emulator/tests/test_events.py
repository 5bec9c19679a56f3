"""Events and endpoints over the API, and the signature of a delivery."""

import hashlib
import hmac
import time
from typing import Any

import pytest
import stripe

from shopping import Shop
from stripe_emulator.delivery import sign
from stripe_emulator.testing import StripeEmulator


def test_a_signature_is_what_the_sdk_checks() -> None:
    now = int(time.time())
    payload = '{"id": "evt_1", "object": "event", "text": "你好"}'

    header = sign(payload, ["whsec_new", "whsec_old"], now)

    for secret in ("whsec_new", "whsec_old"):
        event = stripe.Webhook.construct_event(payload, header, secret)
        assert event.id == "evt_1"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload, header, "whsec_other")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload + " ", header, "whsec_new")


def test_a_signature_names_its_second_and_every_secret() -> None:
    expected = hmac.new(b"whsec_a", b"1700000000.{}", hashlib.sha256).hexdigest()

    header = sign("{}", ["whsec_a", "whsec_b"], 1_700_000_000)

    assert header.split(",")[:2] == ["t=1700000000", f"v1={expected}"]
    assert header.count("v1=") == 2


def test_events_are_found_by_type_and_time(client: Any) -> None:
    product = client.v1.products.create({"name": "Tea"})
    client.v1.products.update(product.id, {"name": "Coffee"})
    client.v1.customers.create({"name": "Ada"})
    events = client.v1.events

    def types(**params: Any) -> list[str]:
        return [event.type for event in events.list(params).data]

    assert types() == ["customer.created", "product.updated", "product.created"]
    assert types(type="product.updated") == ["product.updated"]
    assert types(type="product.*") == ["product.updated", "product.created"]
    assert types(types=["customer.created", "product.created"]) == [
        "customer.created",
        "product.created",
    ]
    assert types(created={"gt": int(time.time()) + 60}) == []
    assert len(types(created={"gte": int(time.time()) - 60})) == 3
    with pytest.raises(stripe.InvalidRequestError, match="one of type and types"):
        types(type="a", types=["b"])


def test_an_event_holds_the_object_as_it_was(client: Any) -> None:
    product = client.v1.products.create({"name": "Tea"})
    (event,) = client.v1.events.list({"type": "product.created"}).data

    client.v1.products.update(product.id, {"name": "Coffee"})

    kept = client.v1.events.retrieve(event.id)
    assert kept.data.object.name == "Tea"
    assert kept.request.id.startswith("req_")
    assert (kept.pending_webhooks, kept.livemode) == (0, False)


def test_a_call_that_is_refused_leaves_no_event(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.prices.create(
            {"currency": "usd", "product_data": {"name": "Tea"}, "unit_amount": -1}
        )

    assert client.v1.events.list().data == []
    assert client.v1.products.list().data == []


def test_an_endpoint_is_moved_switched_off_and_deleted(client: Any) -> None:
    endpoints = client.v1.webhook_endpoints
    made = endpoints.create(
        {
            "url": "http://127.0.0.1:9/a",
            "enabled_events": ["product.created"],
            "description": "Ours",
            "metadata": {"a": "1"},
        }
    )

    moved = endpoints.update(
        made.id,
        {"url": "http://127.0.0.1:9/b", "enabled_events": ["*"], "disabled": True},
    )
    client.v1.products.create({"name": "Tea"})
    event = client.v1.events.list().data[0]
    gone = endpoints.delete(made.id)

    assert (moved.url, moved.status) == ("http://127.0.0.1:9/b", "disabled")
    assert moved.enabled_events == ["*"]
    assert (moved.description, moved.metadata["a"]) == ("Ours", "1")
    # One that is off is sent nothing.
    assert event.pending_webhooks == 0
    assert gone.deleted
    assert endpoints.list().data == []


@pytest.mark.parametrize("url", ["ftp://shop.test", "shop.test/hooks", "javascript:x"])
def test_an_endpoint_has_an_address(client: Any, url: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})

    assert refusal.value.code == "url_invalid"
    assert client.v1.webhook_endpoints.list().data == []


def test_what_waits_for_an_endpoint_goes_with_it(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    endpoint = stripe_emulator.register_webhook("http://127.0.0.1:9/", "whsec_x")
    shop.client.v1.products.create({"name": "Tea"})
    waiting = shop.client.v1.events.list({"delivery_success": False}).data

    shop.client.v1.webhook_endpoints.delete(endpoint)
    shop.client.v1.products.create({"name": "Coffee"})

    assert [event.data.object.name for event in waiting] == ["Tea"]
    assert shop.client.v1.events.list().data[0].pending_webhooks == 0
