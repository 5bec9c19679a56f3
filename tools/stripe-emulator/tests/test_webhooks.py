"""Deliveries: signed, complete, again after a failure, disturbed on demand."""

import time
from pathlib import Path

import pytest
import stripe

from receiving import SECRET, Receiver, listening
from shopping import Shop
from stripe_emulator.testing import StripeEmulator, free_port, running_emulator


def types(receiver: Receiver) -> list[str]:
    """The types that arrived, in order of arrival."""
    return [event.type for event in receiver.events]


def test_a_purchase_tells_its_whole_story(
    shop: Shop, stripe_emulator: StripeEmulator, receiver: Receiver
) -> None:
    stripe_emulator.register_webhook(receiver.url, SECRET)

    stripe_emulator.pay_checkout(shop.session().url)

    expected = {
        "checkout.session.completed",
        "customer.created",
        "customer.subscription.created",
        "customer.subscription.updated",
        "charge.succeeded",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "payment_intent.succeeded",
        "payment_method.attached",
    }
    receiver.wait_for(lambda _events: expected <= set(types(receiver)))
    event = receiver.events[0]
    assert event.api_version == "2026-10-28.endive"
    assert not event.livemode
    assert "idempotency_key" in event.request


def test_updates_say_what_was_before(
    shop: Shop, stripe_emulator: StripeEmulator, receiver: Receiver
) -> None:
    customer = shop.customer(name="Old")
    stripe_emulator.register_webhook(receiver.url, SECRET)

    shop.client.v1.customers.update(customer.id, {"name": "Old"})
    shop.client.v1.customers.update(
        customer.id, {"name": "New"}, {"idempotency_key": "rename"}
    )

    receiver.wait_for(lambda events: len(events) == 1)
    event = receiver.events[0]
    assert event.data.previous_attributes.to_dict() == {"name": "Old"}
    assert event.request.idempotency_key == "rename"


def test_a_failed_delivery_comes_again(
    shop: Shop, stripe_emulator: StripeEmulator, receiver: Receiver
) -> None:
    receiver.answers = [500]
    stripe_emulator.register_webhook(receiver.url, SECRET)

    made = shop.client.v1.products.create({"name": "Pro"})

    receiver.wait_for(lambda events: len(events) == 1)
    waiting = shop.client.v1.events.list({"delivery_success": False}).data
    assert [event.data.object.id for event in waiting] == [made.id]
    receiver.wait_for(lambda events: len(events) == 2)
    assert receiver.events[0].id == receiver.events[1].id
    assert receiver.signatures[0] != receiver.signatures[1]


def test_endpoints_get_only_what_they_asked_for(
    shop: Shop, stripe_emulator: StripeEmulator, receiver: Receiver
) -> None:
    endpoint = shop.client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["product.updated"]}
    )
    assert endpoint.secret.startswith("whsec_")
    stripe_emulator.register_webhook(receiver.url, SECRET)

    made = shop.client.v1.products.create({"name": "Pro"})
    shop.client.v1.products.update(made.id, {"name": "Max"})

    receiver.wait_for(lambda events: len(events) == 1)
    assert types(receiver) == ["product.updated"]
    shown = shop.client.v1.webhook_endpoints.retrieve(endpoint.id)
    assert "secret" not in shown.to_dict()


@pytest.mark.parametrize(("fault", "copies"), [("duplicate", 2), ("drop", 0)])
def test_deliveries_can_be_doubled_or_lost(
    shop: Shop,
    stripe_emulator: StripeEmulator,
    receiver: Receiver,
    fault: str,
    copies: int,
) -> None:
    stripe_emulator.register_webhook(receiver.url, SECRET)
    stripe_emulator.post_faults(deliveries={fault: 1})

    shop.client.v1.products.create({"name": "First"})
    receiver.wait_for(lambda events: len(events) >= copies)
    shop.client.v1.products.create({"name": "Second"})
    receiver.wait_for(lambda events: len(events) == copies + 1)

    names = [event.data.object.name for event in receiver.events]
    assert names == ["First"] * copies + ["Second"]


def test_an_event_is_sent_again_on_request(
    shop: Shop, stripe_emulator: StripeEmulator, receiver: Receiver
) -> None:
    stripe_emulator.register_webhook(receiver.url, SECRET)
    shop.client.v1.products.create({"name": "Pro"})
    receiver.wait_for(lambda events: len(events) == 1)

    stripe_emulator.redeliver(receiver.events[0].id)

    receiver.wait_for(lambda events: len(events) == 2)
    assert receiver.events[0].id == receiver.events[1].id


def test_a_rotated_secret_signs_beside_the_old_one(
    shop: Shop, stripe_emulator: StripeEmulator, receiver: Receiver
) -> None:
    endpoint = stripe_emulator.register_webhook(receiver.url, SECRET)

    fresh = stripe_emulator.rotate_secret(endpoint)
    shop.client.v1.products.create({"name": "Pro"})

    receiver.wait_for(lambda events: len(events) == 1)
    assert fresh != SECRET
    assert receiver.signatures[0].count("v1=") == 2


def test_state_and_pending_deliveries_survive_a_restart(
    tmp_path: Path, receiver: Receiver
) -> None:
    stripe.enable_telemetry = False
    nowhere = {
        "STRIPE_EMULATOR_WEBHOOK_URL": receiver.url,
        "STRIPE_EMULATOR_WEBHOOK_SECRET": SECRET,
    }
    receiver.answers = [500]

    with running_emulator(tmp_path, **nowhere) as first:
        made = first.client().v1.customers.create({"email": "a@example.test"})
        receiver.wait_for(lambda events: len(events) == 1)
    with running_emulator(tmp_path, **nowhere) as second:
        found = second.client().v1.customers.retrieve(made.id)
        receiver.wait_for(lambda events: len(events) == 2)
        endpoints = second.client().v1.webhook_endpoints.list().data

    assert found.email == "a@example.test"
    assert receiver.events[1].data.object.id == made.id
    assert len(endpoints) == 1


def test_events_wait_quietly_for_an_endpoint_that_is_not_up_yet(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stripe.enable_telemetry = False
    port = free_port()
    endpoint = {
        "STRIPE_EMULATOR_WEBHOOK_URL": f"http://127.0.0.1:{port}/hooks/stripe/",
        "STRIPE_EMULATOR_WEBHOOK_SECRET": SECRET,
    }
    receiver = Receiver()

    with running_emulator(tmp_path, **endpoint) as emulator:
        products = emulator.client().v1.products
        names = [f"Plan {number}" for number in range(12)]
        for name in names:
            products.create({"name": name})
        # Two refusals later it would wait for ten seconds, were they failures.
        time.sleep(1.2)
        with listening(receiver, port):
            up_at = time.monotonic()
            receiver.wait_for(lambda events: len(events) == len(names))
            took = time.monotonic() - up_at

    assert {event.data.object.name for event in receiver.events} == set(names)
    assert took < 3
    assert "ConnectError" not in capfd.readouterr().err


def test_an_endpoint_that_was_up_and_is_gone_counts_as_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stripe.enable_telemetry = False
    port = free_port()
    endpoint = {
        "STRIPE_EMULATOR_WEBHOOK_URL": f"http://127.0.0.1:{port}/hooks/stripe/",
        "STRIPE_EMULATOR_WEBHOOK_SECRET": SECRET,
    }
    receiver = Receiver()

    with running_emulator(tmp_path, **endpoint) as emulator:
        products = emulator.client().v1.products
        with listening(receiver, port):
            products.create({"name": "First"})
            receiver.wait_for(lambda events: len(events) == 1)
        products.create({"name": "Second"})
        said = ""
        deadline = time.monotonic() + 10
        while "ConnectError" not in said and time.monotonic() < deadline:
            said += capfd.readouterr().err
        with listening(receiver, port):
            # On a slow machine this may be the third pause, which takes ten seconds.
            receiver.wait_for(lambda events: len(events) == 2, seconds=30)

    assert "ConnectError" in said
    assert [event.data.object.name for event in receiver.events] == ["First", "Second"]
