"""The API's manners: keys, errors, idempotency, lists, expansion."""

from typing import Any

import httpx
import pytest
import stripe

from shopping import Shop
from stripe_emulator.testing import StripeEmulator


def test_a_wrong_key_is_refused_with_401(stripe_emulator: StripeEmulator) -> None:
    response = httpx.get(
        f"{stripe_emulator.url}/v1/customers",
        headers={"Authorization": "Bearer sk_test_someone_else"},
    )

    assert response.status_code == 401
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_every_answer_names_its_request_and_version(
    client: Any,
) -> None:
    customer = client.v1.customers.create({"email": "a@example.test"})

    headers = customer.last_response.headers
    assert headers["request-id"].startswith("req_")
    assert headers["stripe-version"] == "2026-10-28.endive"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"nickname": "x"}, "parameter_unknown", "nickname"),
        ({"address": {"town": "x"}}, "parameter_unknown", "address[town]"),
        ({"balance": "much"}, "parameter_invalid_integer", "balance"),
        ({"email": ""}, "parameter_invalid_empty", "email"),
    ],
)
def test_parameters_are_checked_against_the_sdk(
    client: Any, params: Any, code: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.create(params)

    assert (refusal.value.code, refusal.value.param) == (code, param)
    assert client.v1.customers.list().data == []


def test_a_missing_object_is_a_json_404(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.subscriptions.retrieve("sub_none")

    assert refusal.value.http_status == 404
    assert refusal.value.code == "resource_missing"
    assert "No such subscription: 'sub_none'" in str(refusal.value)


def test_removed_parameters_are_refused(shop: Shop) -> None:
    customer = shop.customer()

    with pytest.raises(stripe.InvalidRequestError, match="coupon"):
        shop.subscribe(customer.id, coupon="WELCOME")


def test_the_same_key_replays_the_same_answer(client: Any) -> None:
    first = client.v1.customers.create(
        {"email": "a@example.test"}, {"idempotency_key": "k"}
    )
    second = client.v1.customers.create(
        {"email": "a@example.test"}, {"idempotency_key": "k"}
    )

    assert second.id == first.id
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert len(client.v1.customers.list().data) == 1


def test_the_same_key_with_another_body_is_an_error(
    client: Any,
) -> None:
    client.v1.customers.create({"email": "a@example.test"}, {"idempotency_key": "k"})

    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create(
            {"email": "b@example.test"}, {"idempotency_key": "k"}
        )
    assert len(client.v1.customers.list().data) == 1


def test_a_validation_failure_does_not_use_up_its_key(
    client: Any,
) -> None:
    bad: Any = {"nickname": "x"}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create(bad, {"idempotency_key": "k"})

    assert client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).id


def test_a_lost_answer_is_found_again_under_its_key(
    stripe_emulator: StripeEmulator,
) -> None:
    stripe_emulator.post_faults(
        answers=[{"path": "^/v1/customers$", "status": 500, "after": True}]
    )
    client = stripe_emulator.client(max_network_retries=2)

    customer = client.v1.customers.create({"email": "a@example.test"})

    assert [found.id for found in client.v1.customers.list().data] == [customer.id]


@pytest.mark.parametrize(
    ("status", "error"), [(500, stripe.APIError), (429, stripe.RateLimitError)]
)
def test_faults_answer_once_then_heal(
    stripe_emulator: StripeEmulator, status: int, error: type[Exception]
) -> None:
    stripe_emulator.post_faults(answers=[{"path": "^/v1/products", "status": status}])
    client = stripe_emulator.client()

    with pytest.raises(error):
        client.v1.products.create({"name": "Pro"})
    assert client.v1.products.create({"name": "Pro"}).name == "Pro"


def test_lists_page_newest_first_in_both_directions(
    client: Any,
) -> None:
    made = [client.v1.products.create({"name": f"P{n}"}).id for n in range(5)]

    first = client.v1.products.list({"limit": 2})
    second = client.v1.products.list({"limit": 2, "starting_after": first.data[-1].id})
    back = client.v1.products.list({"limit": 2, "ending_before": second.data[0].id})

    assert [one.id for one in first.data] == [made[4], made[3]]
    assert [one.id for one in second.data] == [made[2], made[1]]
    assert [one.id for one in back.data] == [made[4], made[3]]
    assert first.has_more
    assert [
        one.id for one in client.v1.products.list({"limit": 2}).auto_paging_iter()
    ] == made[::-1]


def test_dotted_paths_expand(shop: Shop) -> None:
    customer = shop.customer()

    subscription = shop.subscribe(
        customer.id, expand=["latest_invoice.payments", "items.data.price.product"]
    )

    assert subscription.latest_invoice.payments.data[0].status == "paid"
    assert subscription["items"].data[0].price.product.name == "Team"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.subscribe(customer.id, expand=["nonsense"])
    assert len(shop.client.v1.subscriptions.list().data) == 1


def test_metadata_merges_and_unsets(client: Any) -> None:
    customer = client.v1.customers.create({"metadata": {"a": "1", "_b": "2"}})

    changed = client.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})

    assert changed.to_dict()["metadata"] == {"_b": "2", "c": "3"}


def test_an_unknown_path_is_a_json_404(stripe_emulator: StripeEmulator) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        stripe_emulator.client().v1.quotes.list()


def test_lookup_keys_move_only_when_asked(shop: Shop) -> None:
    base: Any = {
        "product": shop.product.id,
        "currency": "usd",
        "unit_amount": 1,
        "lookup_key": "pro",
    }
    old = shop.client.v1.prices.create(base)

    with pytest.raises(stripe.InvalidRequestError, match="lookup key"):
        shop.client.v1.prices.create(base)
    new = shop.client.v1.prices.create({**base, "transfer_lookup_key": True})

    found = shop.client.v1.prices.list({"lookup_keys": ["pro"]}).data
    assert [price.id for price in found] == [new.id]
    assert shop.client.v1.prices.retrieve(old.id).lookup_key is None


def test_decimal_amounts_travel_as_decimals(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount_decimal": "0.125",
            "recurring": {"interval": "month"},
        }
    )

    assert price.unit_amount is None
    assert str(price.unit_amount_decimal) == "0.125"
