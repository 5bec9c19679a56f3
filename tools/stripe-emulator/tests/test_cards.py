"""Test cards: which are taken, what is kept of them, how they behave."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from stripe_emulator.account import Account
from stripe_emulator.engine import cards
from stripe_emulator.errors import ApiError, CardDeclined


@pytest.mark.parametrize(
    ("number", "is_valid"),
    [
        ("4242424242424242", True),
        ("4242424242424241", False),
        ("2424242424242424", False),
        ("378282246310005", True),
        ("", False),
        ("0", True),
    ],
)
def test_the_check_digit_shows_typing_errors(number: str, *, is_valid: bool) -> None:
    assert cards.is_luhn_valid(number) is is_valid


def test_every_published_number_passes_its_own_check() -> None:
    assert all(cards.is_luhn_valid(number) for number in cards.NUMBERS)
    assert set(cards.NAMES.values()) <= set(cards.NUMBERS)
    known = {behaviour for _, behaviour in cards.NUMBERS.values()}
    assert set(cards.REFUSALS) <= known


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("pm_card_visa", "4242424242424242"),
        ("tok_visa", "4242424242424242"),
        ("success", "4242424242424242"),
        ("pm_card_chargeCustomerFail", "4000000000000341"),
        ("pm_card_none", None),
        ("", None),
    ],
)
def test_names_stand_for_numbers(name: str, number: str | None) -> None:
    assert cards.number_named(name) == number


def test_of_a_number_the_last_digits_are_kept(account: Account) -> None:
    method = cards.new_payment_method(account, "4242 4242-4242 4242")

    assert method["card"]["last4"] == "4242"
    assert (method["card"]["brand"], method["customer"]) == ("visa", None)
    assert "4242424242424242" not in str(method)


@pytest.mark.parametrize("number", ["4111111111111111", "5105105105105100"])
def test_a_number_that_may_be_somebodys_is_never_taken(
    account: Account, number: str
) -> None:
    with pytest.raises(ApiError, match="published test cards only") as refusal:
        cards.new_payment_method(account, number)

    assert (refusal.value.status, refusal.value.kind) == (402, "card_error")
    assert number not in str(refusal.value)


@pytest.mark.parametrize("number", ["4242424242424241", "42", "", "abcd"])
def test_a_number_that_is_none_is_incorrect(account: Account, number: str) -> None:
    with pytest.raises(CardDeclined) as refusal:
        cards.new_payment_method(account, number)

    assert refusal.value.code == "incorrect_number"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        (
            "pm_card_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
def test_a_card_its_bank_declines_is_not_attached(
    shop: Shop, card: str, code: str, decline_code: str | None
) -> None:
    customer = shop.customer(card=None)

    with pytest.raises(stripe.CardError) as refusal:
        shop.client.v1.payment_methods.attach(card, {"customer": customer.id})

    error: Any = refusal.value.error
    assert (refusal.value.http_status, error.code) == (402, code)
    assert getattr(error, "decline_code", None) == decline_code
    held = shop.client.v1.payment_methods.list({"customer": customer.id})
    assert held.data == []


def test_a_declined_renewal_leaves_a_failed_charge(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")

    subscription = shop.subscribe(customer.id)

    charge = shop.client.v1.charges.list({"customer": customer.id}).data[0]
    assert subscription.status == "incomplete"
    assert (charge.status, charge.paid, charge.amount_captured) == ("failed", False, 0)
    assert (charge.failure_code, charge.outcome.type) == (
        "card_declined",
        "issuer_declined",
    )
    intent = shop.client.v1.payment_intents.retrieve(charge.payment_intent)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.charge == charge.id


def test_a_bank_that_asks_is_waited_for(shop: Shop) -> None:
    customer = shop.customer("pm_card_authenticationRequired")

    subscription = shop.subscribe(customer.id)

    (intent,) = shop.client.v1.payment_intents.list({"customer": customer.id}).data
    assert (subscription.status, intent.status) == ("incomplete", "requires_action")
    assert intent.next_action.type == "redirect_to_url"
    assert intent.last_payment_error.code == "authentication_required"
    assert shop.client.v1.charges.list().data == []
    kinds = {event.type for event in shop.client.v1.events.list({"limit": 100}).data}
    assert {
        "payment_intent.requires_action",
        "invoice.payment_action_required",
    } <= kinds
