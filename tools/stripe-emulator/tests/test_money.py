"""Refunds, charges and payment intents."""

from typing import Any

import pytest
import stripe

from shopping import Shop


def charge(shop: Shop, card: str = "pm_card_visa") -> Any:
    """Return the charge of a first month, 100.00."""
    customer = shop.customer(card)
    shop.subscribe(customer.id)
    return shop.client.v1.charges.list({"customer": customer.id}).data[0]


def refunds(shop: Shop) -> list[int]:
    return [one.amount for one in shop.client.v1.refunds.list().data]


def test_a_refund_says_what_it_is_for(shop: Shop) -> None:
    paid = charge(shop)

    made = shop.client.v1.refunds.create(
        {
            "charge": paid.id,
            "amount": 2500,
            "reason": "requested_by_customer",
            "metadata": {"ticket": "7"},
        }
    )

    assert (made.status, made.reason, made.currency) == (
        "succeeded",
        "requested_by_customer",
        "usd",
    )
    after = shop.client.v1.charges.retrieve(paid.id)
    assert (after.amount_refunded, after.refunded) == (2500, False)
    changed = shop.client.v1.refunds.update(made.id, {"metadata": {"ticket": "8"}})
    assert changed.metadata.to_dict() == {"ticket": "8"}
    assert shop.client.v1.refunds.retrieve(made.id).amount == 2500


def test_without_an_amount_the_rest_goes_back_once(shop: Shop) -> None:
    paid = charge(shop)
    create = shop.client.v1.refunds.create

    create({"charge": paid.id, "amount": 1})
    create({"payment_intent": paid.payment_intent})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create({"charge": paid.id})

    assert refusal.value.code == "charge_already_refunded"
    assert refunds(shop) == [9999, 1]
    kinds = [event.type for event in shop.client.v1.events.list({"limit": 100}).data]
    assert kinds.count("charge.refunded") == 2


@pytest.mark.parametrize("amount", [0, -1, 10001])
def test_no_more_goes_back_than_came(shop: Shop, amount: int) -> None:
    paid = charge(shop)

    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.refunds.create({"charge": paid.id, "amount": amount})

    assert refunds(shop) == []
    assert shop.client.v1.charges.retrieve(paid.id).amount_refunded == 0


def test_what_was_not_paid_is_not_given_back(shop: Shop) -> None:
    failed = charge(shop, "pm_card_chargeCustomerFail")

    for params, said in (
        ({"charge": failed.id}, "was not paid"),
        ({"payment_intent": failed.payment_intent}, "successful charge"),
        ({"charge": "ch_none"}, "No such charge"),
        ({}, "payment_intent or charge"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=said):
            shop.client.v1.refunds.create(params)
    assert refunds(shop) == []


def test_money_is_listed_by_whose_it_is(shop: Shop) -> None:
    first, second = charge(shop), charge(shop)
    shop.client.v1.refunds.create({"charge": first.id, "amount": 5})
    v1 = shop.client.v1

    by_customer = v1.charges.list({"customer": second.customer}).data
    by_intent = v1.charges.list({"payment_intent": first.payment_intent}).data
    intents = v1.payment_intents.list({"customer": first.customer}).data

    assert [one.id for one in by_customer] == [second.id]
    assert [one.id for one in by_intent] == [first.id]
    assert [one.id for one in intents] == [first.payment_intent]
    assert v1.refunds.list({"charge": second.id}).data == []
    by_refund = v1.refunds.list({"payment_intent": first.payment_intent}).data
    assert [one.charge for one in by_refund] == [first.id]


def test_an_intent_knows_what_came_of_it(shop: Shop) -> None:
    paid = charge(shop)

    intent = shop.client.v1.payment_intents.retrieve(
        paid.payment_intent, {"expand": ["latest_charge"]}
    )

    assert (intent.status, intent.amount_received) == ("succeeded", 10000)
    assert intent.latest_charge.id == paid.id
    assert intent.latest_charge.outcome.type == "authorized"


def test_a_refund_after_a_dispute_was_won_is_possible(shop: Shop) -> None:
    paid = charge(shop, "pm_card_createDispute")
    v1 = shop.client.v1
    (dispute,) = v1.disputes.list({"charge": paid.id}).data

    v1.disputes.update(
        dispute.id,
        {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True},
    )
    v1.refunds.create({"charge": paid.id, "amount": 100})

    assert refunds(shop) == [100]
    assert v1.charges.retrieve(paid.id).disputed is True
