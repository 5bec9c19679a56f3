"""Disputes and credit notes, as the published rules have them."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from stripe_emulator.testing import StripeEmulator


def types(shop: Shop) -> list[str]:
    """Return what was announced, oldest first."""
    return [event.type for event in shop.client.v1.events.list({"limit": 100}).data][
        ::-1
    ]


def disputed(shop: Shop) -> Any:
    customer = shop.customer("pm_card_createDispute")
    shop.subscribe(customer.id)
    (dispute,) = shop.client.v1.disputes.list().data
    return dispute


def paid_invoice(shop: Shop) -> Any:
    customer = shop.customer()
    shop.subscribe(customer.id)
    return shop.client.v1.invoices.list({"customer": customer.id}).data[0]


@pytest.mark.parametrize("word", ["winning_evidence", "losing_evidence"])
def test_the_word_handed_in_decides(shop: Shop, word: str) -> None:
    dispute = disputed(shop)
    v1 = shop.client.v1

    v1.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": word}, "submit": False}
    )
    waiting = v1.disputes.retrieve(dispute.id)
    closed = v1.disputes.update(dispute.id, {"submit": True})

    is_won = word == "winning_evidence"
    assert (dispute.status, dispute.amount) == ("needs_response", 10_000)
    assert waiting.status == "needs_response"
    assert closed.status == ("won" if is_won else "lost")
    told = [name for name in types(shop) if name.startswith("charge.dispute")]
    assert told[:2] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert told[-1] == "charge.dispute.closed"
    assert ("charge.dispute.funds_reinstated" in told) is is_won


def test_a_disputed_charge_is_not_refunded_and_a_closed_case_not_opened(
    shop: Shop,
) -> None:
    dispute = disputed(shop)
    v1 = shop.client.v1

    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        v1.refunds.create({"charge": dispute.charge})
    lost = v1.disputes.close(dispute.id)
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        v1.disputes.close(dispute.id)

    assert lost.status == "lost"
    assert v1.charges.retrieve(dispute.charge).amount_refunded == 0


def test_a_note_on_a_paid_invoice_says_where_the_money_goes(shop: Shop) -> None:
    invoice = paid_invoice(shop)
    v1 = shop.client.v1

    with pytest.raises(stripe.InvalidRequestError, match="must equal"):
        v1.credit_notes.create({"invoice": invoice.id, "amount": 500})
    note = v1.credit_notes.create(
        {
            "invoice": invoice.id,
            "amount": 600,
            "refund_amount": 300,
            "credit_amount": 200,
            "out_of_band_amount": 100,
        }
    )

    assert (note.type, note.post_payment_amount) == ("post_payment", 600)
    assert note.refunds[0].amount_refunded == 300
    assert [row.amount for row in v1.refunds.list().data] == [300]
    assert v1.customers.retrieve(invoice.customer).balance == -200
    assert v1.invoices.retrieve(invoice.id).post_payment_credit_notes_amount == 600
    with pytest.raises(stripe.InvalidRequestError, match="left"):
        v1.credit_notes.create(
            {"invoice": invoice.id, "amount": 9_500, "out_of_band_amount": 9_500}
        )


def test_a_note_on_an_open_invoice_takes_off_what_is_owed_and_can_be_voided(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    customer = shop.customer()
    shop.subscribe(customer.id)
    shop.use_card(customer.id, "pm_card_chargeCustomerFail")
    stripe_emulator.advance(days=32)
    v1 = shop.client.v1
    (owed,) = v1.invoices.list({"status": "open"}).data

    note = v1.credit_notes.create({"invoice": owed.id, "amount": 4_000})
    less = v1.invoices.retrieve(owed.id)
    v1.credit_notes.void_credit_note(note.id)
    again = v1.invoices.retrieve(owed.id)
    rest = v1.credit_notes.create({"invoice": owed.id, "amount": again.amount_due})
    done = v1.invoices.retrieve(owed.id)

    assert (less.amount_due, again.amount_due) == (6_000, 10_000)
    assert rest.type == "pre_payment"
    assert (done.status, done.amount_paid) == ("paid", 0)


@pytest.mark.parametrize("name", ["lines", "effective_at"])
def test_what_is_not_covered_is_refused(shop: Shop, name: str) -> None:
    invoice = paid_invoice(shop)
    value: Any = {
        "lines": [{"type": "custom_line_item", "unit_amount": 1, "quantity": 1}],
        "effective_at": 1,
    }[name]

    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        shop.client.v1.credit_notes.create({"invoice": invoice.id, name: value})
    assert shop.client.v1.credit_notes.list().data == []
