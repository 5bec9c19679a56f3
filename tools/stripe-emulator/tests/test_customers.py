"""Customers and the cards they hold."""

from typing import Any

import pytest
import stripe

from shopping import Shop


def card(shop: Shop, **changes: Any) -> Any:
    """Return a new card that belongs to nobody."""
    return shop.client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4242424242424242"}, **changes}
    )


def test_a_customer_is_told_back_as_given(client: Any) -> None:
    made = client.v1.customers.create(
        {
            "email": "ada@example.test",
            "name": "Ada",
            "phone": "+49",
            "description": "First",
            "balance": -500,
            "preferred_locales": ["zh", "en"],
            "address": {"city": "Bonn", "country": "DE"},
            "metadata": {"a": "1"},
            "tax_exempt": "exempt",
        }
    )

    found = client.v1.customers.retrieve(made.id)
    assert (found.email, found.name, found.phone) == ("ada@example.test", "Ada", "+49")
    assert (found.balance, found.tax_exempt) == (-500, "exempt")
    assert found.preferred_locales == ["zh", "en"]
    assert found.address.to_dict() == {
        "city": "Bonn",
        "country": "DE",
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    }
    assert len(found.invoice_prefix) == 8


def test_empty_text_unsets_and_what_is_not_named_stays(client: Any) -> None:
    made = client.v1.customers.create(
        {"name": "Ada", "phone": "+49", "address": {"city": "Bonn"}}
    )

    changed = client.v1.customers.update(made.id, {"address": "", "description": "x"})

    assert (changed.name, changed.phone) == ("Ada", "+49")
    assert (changed.address, changed.description) == (None, "x")


def test_metadata_is_limited_and_cleared_as_a_whole(client: Any) -> None:
    made = client.v1.customers.create({"metadata": {"a": "1"}})

    with pytest.raises(stripe.InvalidRequestError, match="at most 50 keys"):
        client.v1.customers.update(
            made.id, {"metadata": {f"k{number}": "x" for number in range(50)}}
        )
    assert client.v1.customers.retrieve(made.id).metadata.to_dict() == {"a": "1"}
    cleared = client.v1.customers.update(made.id, {"metadata": ""})

    assert cleared.metadata.to_dict() == {}


def test_a_card_can_come_with_the_customer(client: Any) -> None:
    made = client.v1.customers.create({"payment_method": "pm_card_mastercard"})

    (method,) = client.v1.customers.payment_methods.list(made.id).data
    assert (method.card.brand, method.customer) == ("mastercard", made.id)
    assert made.invoice_settings.default_payment_method is None


def test_a_customer_whose_card_is_declined_does_not_come_to_be(client: Any) -> None:
    with pytest.raises(stripe.CardError):
        client.v1.customers.create({"payment_method": "pm_card_chargeDeclined"})

    assert client.v1.customers.list().data == []


def test_an_unknown_clock_is_refused(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.create({"test_clock": "clock_none"})

    assert (refusal.value.http_status, refusal.value.param) == (400, "test_clock")
    assert client.v1.customers.list().data == []


def test_customers_are_listed_by_address_and_those_of_clocks_apart(
    client: Any,
) -> None:
    v1 = client.v1
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_767_225_600})
    real = v1.customers.create({"email": "ada@example.test"})
    v1.customers.create({"email": "ben@example.test"})
    timed = v1.customers.create({"email": "ada@example.test", "test_clock": clock.id})

    by_address = v1.customers.list({"email": "ada@example.test"}).data
    by_clock = v1.customers.list({"test_clock": clock.id}).data

    assert [one.id for one in by_address] == [real.id]
    assert [one.id for one in by_clock] == [timed.id]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('email:"ada@example.test"', ["Ada"]),
        ("name:'Ben'", ["Ben"]),
        ('metadata["team"]:"red"', ["Ben", "Ada"]),
        ("metadata['team'] : 'blue'", []),
        ('email:"nobody@example.test"', []),
    ],
)
def test_customers_are_searched(client: Any, query: str, names: list[str]) -> None:
    for name in ("Ada", "Ben"):
        client.v1.customers.create(
            {
                "name": name,
                "email": f"{name.lower()}@example.test",
                "metadata": {"team": "red"},
            }
        )

    found = client.v1.customers.search({"query": query})

    assert [one.name for one in found.data] == names
    assert found.object == "search_result"


@pytest.mark.parametrize("query", ["ada", "phone:'1'", "email~'a'", "email:'a' AND x"])
def test_other_queries_are_not_pretended(client: Any, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="covers email, name"):
        client.v1.customers.search({"query": query})


def test_deleting_a_customer_ends_what_they_hold(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer.id)

    gone = shop.client.v1.customers.delete(customer.id)

    ended = shop.client.v1.subscriptions.retrieve(subscription.id)
    assert gone.deleted
    assert (ended.status, ended.cancellation_details.reason) == (
        "canceled",
        "cancellation_requested",
    )
    assert shop.client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.client.v1.customers.update(customer.id, {"name": "Ghost"})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.subscribe(customer.id)


def test_a_card_belongs_to_one_customer(shop: Shop) -> None:
    first, second = shop.customer(card=None), shop.customer(card=None)
    method = card(shop)
    attach = shop.client.v1.payment_methods.attach

    attach(method.id, {"customer": first.id})
    attach(method.id, {"customer": first.id})
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        attach(method.id, {"customer": second.id})

    held = shop.client.v1.payment_methods.list
    assert [one.id for one in held({"customer": first.id}).data] == [method.id]
    assert held({"customer": second.id}).data == []


def test_another_ones_card_is_no_default(shop: Shop) -> None:
    owner, stranger = shop.customer(), shop.customer(card=None)
    method = owner_card(shop, owner)

    with pytest.raises(stripe.InvalidRequestError, match="must be attached"):
        shop.client.v1.customers.update(
            stranger.id, {"invoice_settings": {"default_payment_method": method}}
        )
    with pytest.raises(stripe.InvalidRequestError, match="must be attached"):
        shop.subscribe(stranger.id, default_payment_method=method)

    found = shop.client.v1.customers.retrieve(stranger.id)
    assert found.invoice_settings.default_payment_method is None


def owner_card(shop: Shop, customer: Any) -> str:
    found = shop.client.v1.customers.retrieve(customer.id)
    return str(found.invoice_settings.default_payment_method)


def test_a_card_taken_away_is_nobodys_default_any_more(shop: Shop) -> None:
    customer = shop.customer()
    method = owner_card(shop, customer)
    subscription = shop.subscribe(customer.id, default_payment_method=method)

    detached = shop.client.v1.payment_methods.detach(method)

    assert detached.customer is None
    assert owner_card(shop, customer) == "None"
    after = shop.client.v1.subscriptions.retrieve(subscription.id)
    assert after.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="detachment is impossible"):
        shop.client.v1.payment_methods.detach(method)
    event = shop.client.v1.events.list({"type": "payment_method.detached"}).data[0]
    assert event.data.previous_attributes.to_dict() == {"customer": customer.id}


def test_a_card_is_read_through_its_own_customer_only(shop: Shop) -> None:
    owner, stranger = shop.customer(), shop.customer(card=None)
    method = owner_card(shop, owner)
    methods = shop.client.v1.customers.payment_methods

    assert methods.retrieve(owner.id, method).id == method
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_method"):
        methods.retrieve(stranger.id, method)


def test_a_cards_details_change_and_its_number_does_not(shop: Shop) -> None:
    method = card(shop, billing_details={"name": "Ada"}, metadata={"a": "1"})

    changed = shop.client.v1.payment_methods.update(
        method.id,
        {"card": {"exp_month": 2, "exp_year": 2040}, "billing_details": {"phone": "1"}},
    )

    assert (changed.card.exp_month, changed.card.exp_year) == (2, 2040)
    assert changed.card.last4 == "4242"
    assert (changed.billing_details.name, changed.billing_details.phone) == ("Ada", "1")


@pytest.mark.parametrize(
    "params",
    [{"type": "sepa_debit"}, {"type": "card"}, {"type": "card", "card": {}}],
)
def test_only_cards_are_covered(client: Any, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.create(params)


def test_a_card_is_attached_to_somebody(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="customer"):
        client.v1.payment_methods.attach("pm_card_visa")
