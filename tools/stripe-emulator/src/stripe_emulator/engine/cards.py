"""Test cards: which numbers, tokens and names behave how."""

from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.errors import ApiError, CardDeclined
from stripe_emulator.store import Document

# Behaviours: what happens when the card is charged, or shown to the bank.
SUCCEEDS = "succeeds"
DECLINED = "declined"
NO_FUNDS = "insufficient_funds"
EXPIRED = "expired_card"
FAILS_LATER = "fails_later"
ASKS_ONCE = "asks_once"
ASKS_ALWAYS = "asks_always"
DISPUTED = "disputed"

NUMBERS = {
    "4242424242424242": ("visa", SUCCEEDS),
    "4000056655665556": ("visa", SUCCEEDS),
    "5555555555554444": ("mastercard", SUCCEEDS),
    "378282246310005": ("amex", SUCCEEDS),
    "6200000000000005": ("unionpay", SUCCEEDS),
    "4000000000000002": ("visa", DECLINED),
    "4000000000009995": ("visa", NO_FUNDS),
    "4000000000000069": ("visa", EXPIRED),
    "4000000000000341": ("visa", FAILS_LATER),
    "4000000000000259": ("visa", DISPUTED),
    "4000002500003155": ("visa", ASKS_ONCE),
    "4000002760003184": ("visa", ASKS_ALWAYS),
}

# What the card chooser and ``pm_card_…`` stand for.
NAMES = {
    "success": "4242424242424242",
    "declined": "4000000000000002",
    "authenticate": "4000002500003155",
    "visa": "4242424242424242",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "unionpay": "6200000000000005",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeCustomerFail": "4000000000000341",
    "createDispute": "4000000000000259",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequired": "4000002760003184",
}

REFUSALS = {
    DECLINED: ("Your card was declined.", "card_declined", "generic_decline"),
    FAILS_LATER: ("Your card was declined.", "card_declined", "generic_decline"),
    NO_FUNDS: ("Your card has insufficient funds.", "card_declined", NO_FUNDS),
    EXPIRED: ("Your card has expired.", "expired_card", None),
}


def number_named(name: str) -> str | None:
    """The card number behind ``pm_card_visa``, ``tok_visa`` or a chooser's word."""
    for prefix in ("pm_card_", "tok_"):
        name = name.removeprefix(prefix)
    return NAMES.get(name)


def is_luhn_valid(number: str) -> bool:
    """Whether the check digit fits: what a typing error breaks."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return bool(number) and total % 10 == 0


def refusal(behaviour: str, *, keep_changes: bool = False) -> CardDeclined:
    """The bank's answer for a card of this behaviour."""
    if behaviour in {ASKS_ONCE, ASKS_ALWAYS}:
        return CardDeclined(
            "Your card was declined. This transaction requires authentication.",
            code="authentication_required",
            decline_code="authentication_required",
            keep_changes=keep_changes,
        )
    message, code, decline_code = REFUSALS[behaviour]
    return CardDeclined(
        message, code=code, decline_code=decline_code, keep_changes=keep_changes
    )


def new_payment_method(
    account: Account, number: str, *, details: dict[str, Any] | None = None
) -> Document:
    """A card payment method; only the last four digits are kept."""
    digits = "".join(character for character in number if character.isdigit())
    if not is_luhn_valid(digits) or len(digits) < 12:
        raise CardDeclined("Your card number is incorrect.", code="incorrect_number")
    if digits not in NUMBERS:
        raise ApiError(
            "This emulator takes Stripe's published test cards only, "
            "for example 4242 4242 4242 4242.",
            status=402,
            kind="card_error",
            code="card_declined",
            decline_code="test_mode_live_card",
        )
    brand, behaviour = NUMBERS[digits]
    card = details or {}
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": None,
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": "US",
            "display_brand": brand,
            "exp_month": card.get("exp_month", 12),
            "exp_year": card.get("exp_year", 2034),
            "fingerprint": "emulated" + digits[-8:],
            "funding": "credit",
            "generated_from": None,
            "last4": digits[-4:],
            "networks": {"available": [brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": account.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_behaviour": behaviour,
    }
