"""Outgoing calls happen once; the adapter's errors are ours."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.core.checks import run_checks

from accounts.queries import personal_organisation
from billing.stripe import adapter, objects, products
from billing.stripe.exceptions import (
    StripeError,
    StripeMissing,
    StripeRefused,
    StripeUnavailable,
)
from billing.stripe.models import StripeOperation
from billing.stripe.operations import run_once
from tests.fakes.stripe_emulator import StripeEmulator


@dataclass(frozen=True, slots=True)
class Made:
    """Something with an id."""

    id: str


def create(key: str) -> objects.Customer:
    return adapter.create_customer(
        name="Ada", email="", organisation="org_1", idempotency_key=key
    )


def test_a_call_whose_answer_was_lost_is_not_made_twice(shop: StripeEmulator) -> None:
    # The work is done, the answer is not sent, and that twice.
    shop.post_faults(
        answers=[
            {
                "path": "^/v1/customers$",
                "method": "POST",
                "status": 500,
                "times": 2,
                "after": True,
            }
        ]
    )
    with pytest.raises(StripeUnavailable):
        run_once("customer", "org_1", {}, create)
    shop.post_faults()

    made = run_once("customer", "org_1", {}, create)

    operation = StripeOperation.objects.get(kind="customer")
    assert (operation.state, operation.result_id) == ("done", made.id)
    assert [row.id for row in shop.client().v1.customers.list().data] == [made.id]


@pytest.mark.parametrize("status", [401, 403, 409, 429, 502])
def test_an_answer_that_says_nothing_of_the_request_keeps_its_key(
    shop: StripeEmulator, status: int
) -> None:
    # Of two with one key at the same moment the second is told of a conflict.
    fault = {"path": "^/v1/customers$", "method": "POST", "status": status, "times": 1}
    shop.post_faults(answers=[{**fault, "after": True}])
    with pytest.raises(StripeUnavailable):
        run_once("customer", "org_1", {}, create)
    shop.post_faults()

    made = run_once("customer", "org_1", {}, create)

    assert [row.id for row in shop.client().v1.customers.list().data] == [made.id]


def test_customers_live_by_a_test_clock_only_where_it_is_asked_for(
    shop: StripeEmulator,
) -> None:
    clocks = shop.client().v1.test_helpers.test_clocks
    clock = clocks.create({"frozen_time": 1_790_000_000}).id

    with adapter.customers_on_clock(clock):
        inside = create("inside")
    outside = create("outside")

    customers = shop.client().v1.customers
    assert customers.retrieve(inside.id).test_clock == clock
    assert customers.retrieve(outside.id).test_clock is None


@pytest.mark.django_db
def test_the_same_intention_keeps_its_key_and_another_gets_another() -> None:
    keys: list[str] = []

    def call(key: str) -> Made:
        keys.append(key)
        return Made("x_1")

    run_once("kind", "key", {"a": 1}, call)
    run_once("kind", "key", {"a": 1}, call)
    run_once("kind", "key", {"a": 2}, call)

    assert keys[0] == keys[1]
    assert keys[2] != keys[0]
    assert StripeOperation.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("refusal", [StripeRefused, StripeMissing])
def test_a_refused_call_is_noted_and_may_be_tried_anew(
    refusal: type[StripeError],
) -> None:
    keys: list[str] = []

    def refuse(key: str) -> Made:
        keys.append(key)
        raise refusal(reason="no such price")

    for _ in range(2):
        with pytest.raises(refusal):
            run_once("kind", "key", {}, refuse)

    operation = StripeOperation.objects.get()
    assert (operation.state, operation.last_error) == ("refused", "no such price")
    assert keys[0] != keys[1]


def test_what_is_not_there_is_missing(shop: StripeEmulator) -> None:
    with pytest.raises(StripeMissing):
        adapter.fetch_subscription("sub_nothing")


def test_what_is_wrong_is_refused(shop: StripeEmulator) -> None:
    product = shop.client().v1.products.list().data[0]

    with pytest.raises(StripeRefused):
        products.create_price(
            product_id=product.id,
            lookup_key="x",
            unit_amount=-5,
            currency="usd",
            interval="month",
            idempotency_key="x",
        )


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_can_heal_is_unavailable(shop: StripeEmulator, status: int) -> None:
    shop.post_faults(
        answers=[{"path": "^/v1/subscriptions", "status": status, "times": 0}]
    )

    with pytest.raises(StripeUnavailable):
        adapter.fetch_subscription("sub_1")


def test_nobody_listening_is_unavailable(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    with pytest.raises(StripeUnavailable):
        adapter.fetch_subscription("sub_1")


def test_without_a_key_nothing_is_called(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""

    with pytest.raises(StripeUnavailable):
        adapter.client()


def test_all_four_addresses_lead_to_the_same_place(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_addresses"
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    options = adapter.client()._requestor._options

    assert set((options.base_addresses or {}).values()) == {"http://127.0.0.1:9"}
    assert options.max_network_retries == 0
    assert options.stripe_version == adapter.API_VERSION


def test_an_invoice_of_many_lines_is_read_to_its_end(
    shop: StripeEmulator, person: Any, buy: Any
) -> None:
    ada = person("ada")
    subscription = buy(personal_organisation(ada), ada)
    client = shop.client()
    for number in range(14):
        client.v1.invoice_items.create(
            {
                "customer": subscription.raw["customer"],
                "subscription": subscription.stripe_id,
                "amount": 100 + number,
                "currency": "usd",
            }
        )
    shop.advance(days=32)
    newest = client.v1.invoices.list().data[0]

    fetched = adapter.fetch_invoice(newest.id)

    assert len(fetched.lines) == 15
    assert sum(line.amount for line in fetched.lines) == fetched.subtotal


@pytest.mark.parametrize(
    ("key", "base", "found"),
    [
        ("sk_test_x", "http://127.0.0.1:8001", []),
        ("sk_live_x", "", ["billing_stripe.W001"]),
        ("", "", []),
    ],
)
def test_a_missing_signing_secret_is_told_before_webhooks_are_refused(
    settings: Any, key: str, base: str, found: list[str]
) -> None:
    settings.STRIPE_SECRET_KEY = key
    settings.STRIPE_API_BASE = base
    settings.STRIPE_WEBHOOK_SECRETS = []

    messages = [str(message.id) for message in run_checks()]

    assert [name for name in messages if name.startswith("billing_stripe")] == found
