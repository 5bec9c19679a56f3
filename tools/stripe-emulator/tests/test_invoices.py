"""Invoices by hand: drafts, items, payment, ways to close one unpaid."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from stripe_emulator.testing import StripeEmulator
from timing import DAY, FEBRUARY, START, Clock, moment


def item(shop: Shop, customer: Any, amount: int = 500, **changes: Any) -> Any:
    return shop.client.v1.invoice_items.create(
        {"customer": customer.id, "amount": amount, "currency": "usd", **changes}
    )


def draft(shop: Shop, customer: Any, **changes: Any) -> Any:
    return shop.client.v1.invoices.create(
        {
            "customer": customer.id,
            "pending_invoice_items_behavior": "include",
            **changes,
        }
    )


def test_a_draft_takes_what_waits_and_is_paid_by_card(shop: Shop) -> None:
    customer = shop.customer()
    item(shop, customer, 500, description="Setup")
    item(shop, customer, 250, description="Help")

    made = draft(shop, customer, description="By hand", metadata={"a": "1"})
    assert (made.status, made.total, made.number) == ("draft", 750, None)
    assert [line.description for line in made.lines.data] == ["Setup", "Help"]
    opened = shop.client.v1.invoices.finalize_invoice(made.id)
    assert (opened.status, opened.amount_due) == ("open", 750)
    assert opened.number == f"{customer.invoice_prefix}-0001"
    paid = shop.client.v1.invoices.pay(made.id)

    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 750, 0)
    assert shop.client.v1.charges.list().data[0].amount == 750
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.invoices.pay(made.id)
    assert refusal.value.code == "invoice_already_paid"
    assert len(shop.client.v1.charges.list().data) == 1


def test_a_draft_without_items_leaves_them_waiting(shop: Shop) -> None:
    customer = shop.customer()
    waiting = item(shop, customer)

    made = draft(shop, customer, pending_invoice_items_behavior="exclude")

    assert (made.total, made.lines.data) == (0, [])
    still = shop.client.v1.invoice_items.list({"pending": True}).data
    assert [one.id for one in still] == [waiting.id]


def test_an_item_joins_one_draft_and_no_other(shop: Shop) -> None:
    customer = shop.customer()
    made = draft(shop, customer)

    added = item(shop, customer, 300, invoice=made.id)
    assert shop.client.v1.invoices.retrieve(made.id).total == 300
    other = draft(shop, customer)
    shop.client.v1.invoices.finalize_invoice(made.id)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        item(shop, customer, 400, invoice=made.id)

    assert refusal.value.code == "invoice_not_editable"
    assert other.total == 0
    of_invoice = shop.client.v1.invoice_items.list({"invoice": made.id}).data
    assert [one.id for one in of_invoice] == [added.id]
    assert shop.client.v1.invoices.retrieve(made.id).total == 300


def test_items_are_listed_by_when_they_were_made(shop: Shop) -> None:
    made = item(shop, shop.customer())

    def found(**bounds: int) -> list[str]:
        listed = shop.client.v1.invoice_items.list({"created": bounds})
        return [one.id for one in listed.data]

    assert found(gte=made.date) == [made.id]
    assert found(gt=made.date) == []


def test_an_item_may_be_a_quantity_of_a_price(shop: Shop) -> None:
    customer = shop.customer()
    once = shop.client.v1.prices.create(
        {"product": shop.product.id, "currency": "usd", "unit_amount": 700}
    )

    made = shop.client.v1.invoice_items.create(
        {"customer": customer.id, "pricing": {"price": once.id}, "quantity": 3}
    )

    assert (made.amount, made.quantity) == (2100, 3)
    assert draft(shop, customer).total == 2100


def test_an_item_without_an_amount_is_refused(shop: Shop) -> None:
    customer = shop.customer()

    with pytest.raises(stripe.InvalidRequestError, match="an amount or a price"):
        shop.client.v1.invoice_items.create({"customer": customer.id})
    assert shop.client.v1.invoice_items.list().data == []


def test_an_item_is_taken_back_while_no_invoice_holds_it(shop: Shop) -> None:
    customer = shop.customer()
    free, held = item(shop, customer, 100), item(shop, customer, 200)

    assert shop.client.v1.invoice_items.delete(free.id).deleted
    made = draft(shop, customer)
    with pytest.raises(stripe.InvalidRequestError, match="on an invoice"):
        shop.client.v1.invoice_items.delete(held.id)

    assert made.total == 200


def test_an_item_waits_for_the_renewal(shop: Shop) -> None:
    clock = Clock(shop)
    shop.subscribe(clock.customer.id)
    waiting = item(shop, clock.customer, 350)
    assert waiting.invoice is None

    clock.go(FEBRUARY + 3600)

    assert clock.invoices()[-1] == ("paid", 10350, "subscription_cycle")
    (renewal,) = shop.client.v1.invoices.list({"customer": clock.customer.id}).data[:1]
    held = shop.client.v1.invoice_items.retrieve(waiting.id)
    assert held.invoice == renewal.id
    assert shop.client.v1.invoice_items.list({"pending": True}).data == []


def test_a_negative_total_becomes_credit(shop: Shop) -> None:
    customer = shop.customer()
    item(shop, customer, -400)

    made = shop.client.v1.invoices.finalize_invoice(draft(shop, customer).id)

    assert (made.status, made.total, made.amount_due) == ("paid", -400, 0)
    assert shop.client.v1.customers.retrieve(customer.id).balance == -400
    shop.subscribe(customer.id)
    assert shop.client.v1.charges.list().data[0].amount == 9600
    assert shop.client.v1.customers.retrieve(customer.id).balance == 0


def test_a_debt_is_asked_for_with_the_next_invoice(shop: Shop) -> None:
    customer = shop.customer(balance=250)

    shop.subscribe(customer.id)

    assert shop.client.v1.charges.list().data[0].amount == 10250
    assert shop.client.v1.customers.retrieve(customer.id).balance == 0


def test_a_draft_is_changed_and_thrown_away(shop: Shop) -> None:
    customer = shop.customer()
    made = draft(shop, customer)

    changed = shop.client.v1.invoices.update(
        made.id, {"description": "Later", "metadata": {"a": "1"}}
    )
    gone = shop.client.v1.invoices.delete(made.id)

    assert (changed.description, changed.metadata["a"]) == ("Later", "1")
    assert gone.deleted
    assert shop.client.v1.invoices.list().data == []


def opened(shop: Shop, customer: Any) -> Any:
    item(shop, customer)
    return shop.client.v1.invoices.finalize_invoice(draft(shop, customer).id)


def test_an_open_invoice_is_no_draft_any_more(shop: Shop) -> None:
    made = opened(shop, shop.customer())
    invoices = shop.client.v1.invoices

    for act in (invoices.delete, invoices.finalize_invoice):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            act(made.id)
        assert refusal.value.code == "invoice_not_editable"
    assert invoices.retrieve(made.id).status == "open"


@pytest.mark.parametrize(
    ("close", "status", "transition"),
    [
        ("void_invoice", "void", "voided_at"),
        ("mark_uncollectible", "uncollectible", "marked_uncollectible_at"),
    ],
)
def test_an_invoice_is_closed_unpaid_once(
    shop: Shop, close: str, status: str, transition: str
) -> None:
    made = opened(shop, shop.customer())
    act = getattr(shop.client.v1.invoices, close)

    closed = act(made.id)

    assert closed.status == status
    assert closed.status_transitions[transition]
    for again in (act, shop.client.v1.invoices.pay):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            again(made.id)
        assert refusal.value.code == "invoice_not_editable"
    assert shop.client.v1.charges.list().data == []
    (intent,) = shop.client.v1.payment_intents.list().data
    expected = "canceled" if status == "void" else "requires_payment_method"
    assert intent.status == expected


def test_what_was_written_off_may_be_voided_or_paid_elsewhere(shop: Shop) -> None:
    customer = shop.customer()
    first, second = opened(shop, customer), opened(shop, customer)
    invoices = shop.client.v1.invoices
    for made in (first, second):
        invoices.mark_uncollectible(made.id)

    assert invoices.void_invoice(first.id).status == "void"
    paid = invoices.pay(second.id, {"paid_out_of_band": True})

    assert (paid.status, paid.amount_paid) == ("paid", 500)
    assert shop.client.v1.charges.list().data == []
    (payment,) = shop.client.v1.invoice_payments.list({"invoice": second.id}).data
    assert (payment.status, payment.amount_paid) == ("canceled", None)


def test_a_refused_payment_is_history(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    made = opened(shop, customer)

    with pytest.raises(stripe.CardError):
        shop.client.v1.invoices.pay(made.id)

    found = shop.client.v1.invoices.retrieve(made.id)
    assert (found.status, found.attempt_count, found.attempted) == ("open", 1, True)
    assert shop.client.v1.charges.list().data[0].status == "failed"
    assert shop.client.v1.customers.retrieve(customer.id).delinquent is True
    shop.client.v1.invoices.pay(made.id, {"payment_method": "pm_card_visa"})
    assert shop.client.v1.customers.retrieve(customer.id).delinquent is False


def test_an_invoice_that_is_sent_is_overdue_after_its_date(shop: Shop) -> None:
    clock = Clock(shop, card=None)
    bought = shop.subscribe(
        clock.customer.id, collection_method="send_invoice", days_until_due=10
    )
    invoice = shop.client.v1.invoices.retrieve(bought.latest_invoice)

    assert (bought.status, invoice.status) == ("active", "open")
    assert invoice.due_date == START + 10 * DAY
    clock.go(START + 11 * DAY)

    assert clock.now(bought).status == "past_due"
    kinds = {event.type for event in shop.client.v1.events.list({"limit": 100}).data}
    assert "invoice.overdue" in kinds
    shop.client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert clock.now(bought).status == "active"


def test_sending_a_draft_finalises_it(shop: Shop) -> None:
    customer = shop.customer()
    item(shop, customer)
    made = draft(shop, customer, collection_method="send_invoice", days_until_due=5)

    sent = shop.client.v1.invoices.send_invoice(made.id)

    assert sent.status == "open"
    assert shop.client.v1.events.list({"type": "invoice.sent"}).data


def test_a_draft_that_moves_on_by_itself_is_paid_after_an_hour(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    customer = shop.customer()
    item(shop, customer)
    moving = draft(shop, customer, auto_advance=True)
    item(shop, customer)
    standing = draft(shop, customer)

    stripe_emulator.advance(days=0.05)

    retrieve = shop.client.v1.invoices.retrieve
    assert retrieve(moving.id).status == "paid"
    assert retrieve(standing.id).status == "draft"


def test_a_preview_keeps_nothing(shop: Shop) -> None:
    clock = Clock(shop)
    bought = shop.subscribe(clock.customer.id)
    before = len(shop.client.v1.events.list({"limit": 100}).data)

    shown = shop.client.v1.invoices.create_preview({"subscription": bought.id})

    assert (shown.total, shown.status) == (10000, "draft")
    assert shown.id.startswith("upcoming_in_")
    assert shown.lines.data[0].period.start == FEBRUARY
    assert len(shop.client.v1.events.list({"limit": 100}).data) == before
    assert len(clock.invoices()) == 1


def test_a_preview_of_something_new_needs_no_subscription(shop: Shop) -> None:
    customer = shop.customer()

    shown = shop.client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "subscription_details": {
                "items": [{"price": shop.large.id, "quantity": 2}]
            },
        }
    )

    assert shown.total == 60000
    assert shop.client.v1.subscriptions.list({"status": "all"}).data == []


def test_there_is_no_preview_of_what_ends(shop: Shop) -> None:
    customer = shop.customer()
    bought = shop.subscribe(customer.id, cancel_at_period_end=True)

    for params in ({"subscription": bought.id}, {"customer": customer.id}):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            shop.client.v1.invoices.create_preview(params)
        assert refusal.value.code == "invoice_upcoming_none"
        assert refusal.value.http_status == 404


def test_a_preview_of_a_waiting_change_stands_before_the_renewal(shop: Shop) -> None:
    clock = Clock(shop, at=moment(2026, 4, 1))
    bought = shop.subscribe(clock.customer.id)
    clock.go(moment(2026, 4, 16))

    shown = shop.client.v1.invoices.create_preview(
        {
            "subscription": bought.id,
            "subscription_details": {
                "items": [{"id": bought["items"].data[0].id, "price": shop.large.id}],
            },
        }
    )

    assert [line.amount for line in shown.lines.data] == [-5000, 15000, 30000]
    assert shown.total == 40000


def test_lines_are_paged_oldest_first(shop: Shop) -> None:
    customer = shop.customer()
    for number in range(12):
        item(shop, customer, 100 + number)
    made = draft(shop, customer)
    lines = shop.client.v1.invoices.line_items.list

    first = lines(made.id, {"limit": 5})
    second = lines(made.id, {"limit": 10, "starting_after": first.data[-1].id})

    assert [line.amount for line in first.data] == [100, 101, 102, 103, 104]
    assert [line.amount for line in second.data] == list(range(105, 112))
    assert (first.has_more, second.has_more) == (True, False)
    assert made.lines.has_more
    with pytest.raises(stripe.InvalidRequestError, match="No such entry"):
        lines(made.id, {"starting_after": "il_none"})


def test_invoices_are_listed_by_what_they_are(shop: Shop) -> None:
    customer = shop.customer()
    bought = shop.subscribe(customer.id)
    made = draft(shop, customer)

    def found(**params: Any) -> list[str]:
        return [one.id for one in shop.client.v1.invoices.list(params).data]

    assert found(customer=customer.id) == [made.id, bought.latest_invoice]
    assert found(status="draft") == [made.id]
    assert found(subscription=bought.id) == [bought.latest_invoice]
    assert found(collection_method="send_invoice") == []
    assert found(customer="cus_none") == []
