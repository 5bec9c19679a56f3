"""Subscriptions: what may be asked for, changed, listed and ended."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from stripe_emulator.resources.subscriptions import UNCOVERED
from timing import DAY, FEBRUARY, START, Clock, moment, period


def every(shop: Shop) -> list[Any]:
    return list(shop.client.v1.subscriptions.list({"status": "all"}).data)


def price(shop: Shop, amount: int = 2000, **changes: Any) -> Any:
    return shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": "month"},
            **changes,
        }
    )


VALUES: dict[str, Any] = {
    "add_invoice_items": [{"price": "price_x"}],
    "application_fee_percent": 5,
    "backdate_start_date": START,
    "billing_cycle_anchor_config": {"day_of_month": 5},
    "billing_schedules": [{"key": "x"}],
    "billing_thresholds": {"amount_gte": 5},
    "pending_invoice_item_interval": {"interval": "month"},
    "transfer_data": {"destination": "acct_x"},
    "trial_from_plan": True,
}


@pytest.mark.parametrize("name", UNCOVERED)
def test_what_would_be_ignored_is_refused(shop: Shop, name: str) -> None:
    customer = shop.customer()

    with pytest.raises(stripe.InvalidRequestError):
        shop.subscribe(customer.id, **{name: VALUES[name]})

    assert every(shop) == []


def test_a_subscription_needs_items_that_fit_together(shop: Shop) -> None:
    customer = shop.customer()
    euro = price(shop, currency="eur")
    yearly = price(shop, recurring={"interval": "year"})
    once = shop.client.v1.prices.create(
        {"product": shop.product.id, "currency": "usd", "unit_amount": 5}
    )

    def attempt(*prices: str) -> str:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            shop.client.v1.subscriptions.create(
                {
                    "customer": customer.id,
                    "items": [{"price": identifier} for identifier in prices],
                }
            )
        return str(refusal.value)

    assert "at least one item" in attempt()
    assert "already exists" in attempt(shop.small.id, shop.small.id)
    assert "same currency" in attempt(shop.small.id, euro.id)
    assert "share one interval" in attempt(shop.small.id, yearly.id)
    assert "type=recurring" in attempt(once.id)
    assert "No such price" in attempt("price_none")
    assert every(shop) == []


def test_a_price_may_be_described_on_the_spot(shop: Shop) -> None:
    customer = shop.customer()

    made = shop.client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "product": shop.product.id,
                        "unit_amount": 1234,
                        "recurring": {"interval": "week", "interval_count": 2},
                    },
                    "quantity": 2,
                }
            ],
            "expand": ["latest_invoice"],
        }
    )

    assert made.latest_invoice.total == 2468
    start, end = period(made)
    assert end - start == 14 * DAY


@pytest.mark.parametrize(
    ("behaviour", "status", "kept"),
    [
        ("allow_incomplete", "incomplete", True),
        ("default_incomplete", "incomplete", True),
        ("error_if_incomplete", None, False),
    ],
)
def test_a_refused_first_payment_is_as_the_caller_wants(
    shop: Shop, behaviour: str, status: str | None, *, kept: bool
) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")

    try:
        made = shop.subscribe(customer.id, payment_behavior=behaviour)
    except stripe.CardError as refusal:
        made = None
        code = refusal.code
    else:
        code = None

    assert (made and made.status) == status
    assert code == (None if kept else "card_declined")
    assert len(every(shop)) == kept
    assert len(shop.client.v1.invoices.list().data) == kept


def test_an_anchor_shortens_the_first_period(shop: Shop) -> None:
    clock = Clock(shop, at=moment(2026, 4, 16))

    made = shop.subscribe(clock.customer.id, billing_cycle_anchor=moment(2026, 5, 1))

    assert period(made) == (moment(2026, 4, 16), moment(2026, 5, 1))
    assert clock.invoices() == [("paid", 5000, "subscription_create")]
    clock.go(moment(2026, 5, 1) + 3600)
    assert clock.invoices()[-1] == ("paid", 10000, "subscription_cycle")


def test_an_anchor_without_proration_gives_the_rest_away(shop: Shop) -> None:
    clock = Clock(shop, at=moment(2026, 4, 16))

    made = shop.subscribe(
        clock.customer.id,
        billing_cycle_anchor=moment(2026, 5, 1),
        proration_behavior="none",
    )

    assert (made.status, clock.invoices()) == (
        "active",
        [("paid", 0, "subscription_create")],
    )


def test_a_trial_must_end_in_the_future(shop: Shop) -> None:
    clock = Clock(shop)

    with pytest.raises(stripe.InvalidRequestError, match="in the future"):
        shop.subscribe(clock.customer.id, trial_end=START)
    made = shop.subscribe(clock.customer.id, trial_end="now")

    assert made.status == "active"


def test_an_end_may_be_set_to_a_day(shop: Shop) -> None:
    clock = Clock(shop)
    made = shop.subscribe(clock.customer.id)

    planned = shop.client.v1.subscriptions.update(
        made.id, {"cancel_at": START + 10 * DAY}
    )
    assert (planned.cancel_at, planned.status) == (START + 10 * DAY, "active")
    clock.go(START + 10 * DAY)

    ended = clock.now(made)
    assert (ended.status, ended.ended_at) == ("canceled", START + 10 * DAY)


def test_a_planned_end_is_taken_back(shop: Shop) -> None:
    clock = Clock(shop)
    made = shop.subscribe(clock.customer.id)
    update = shop.client.v1.subscriptions.update

    update(made.id, {"cancel_at_period_end": True})
    update(made.id, {"cancel_at_period_end": False})
    clock.go(FEBRUARY + 3600)

    assert clock.now(made).status == "active"
    assert len(clock.invoices()) == 2


@pytest.mark.parametrize(("prorate", "balance"), [(True, -5000), (False, 0)])
def test_ending_at_once_gives_back_when_asked(
    shop: Shop, balance: int, *, prorate: bool
) -> None:
    clock = Clock(shop, at=moment(2026, 4, 1))
    made = shop.subscribe(clock.customer.id)
    clock.go(moment(2026, 4, 16))

    ended = shop.client.v1.subscriptions.cancel(
        made.id,
        {
            "prorate": prorate,
            "invoice_now": True,
            "cancellation_details": {"comment": "Bye", "feedback": "unused"},
        },
    )

    assert (ended.status, ended.canceled_at) == ("canceled", moment(2026, 4, 16))
    assert ended.cancellation_details.feedback == "unused"
    customer = shop.client.v1.customers.retrieve(clock.customer.id)
    assert customer.balance == balance
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        shop.client.v1.subscriptions.cancel(made.id)


def test_only_what_is_paused_is_resumed(shop: Shop) -> None:
    made = shop.subscribe(shop.customer().id)

    with pytest.raises(stripe.InvalidRequestError, match="Only paused"):
        shop.client.v1.subscriptions.resume(made.id)

    assert len(shop.client.v1.invoices.list().data) == 1


def test_subscriptions_are_listed_by_what_they_are(shop: Shop) -> None:
    first, second = shop.customer(), shop.customer()
    small = shop.subscribe(first.id)
    large = shop.subscribe(second.id, shop.large)
    ended = shop.subscribe(first.id, shop.large)
    shop.client.v1.subscriptions.cancel(ended.id)

    def found(**params: Any) -> list[str]:
        return [one.id for one in shop.client.v1.subscriptions.list(params).data]

    assert found() == [large.id, small.id]
    assert found(status="all") == [ended.id, large.id, small.id]
    assert found(status="ended") == [ended.id]
    assert found(status="canceled") == [ended.id]
    assert found(status="past_due") == []
    assert found(customer=first.id) == [small.id]
    assert found(price=shop.large.id) == [large.id]
    assert found(collection_method="send_invoice") == []


def test_an_item_is_added_changed_and_taken_off(shop: Shop) -> None:
    clock = Clock(shop, at=moment(2026, 4, 1))
    made = shop.subscribe(clock.customer.id)
    extra = price(shop, 2000)
    items = shop.client.v1.subscription_items

    added = items.create(
        {"subscription": made.id, "price": extra.id, "metadata": {"a": "1"}}
    )
    assert (added.price.id, added.quantity) == (extra.id, 1)
    changed = items.update(added.id, {"quantity": 4})
    assert changed.quantity == 4
    listed = items.list({"subscription": made.id}).data
    assert [one.price.id for one in listed] == [shop.small.id, extra.id]
    gone = items.delete(added.id, {"proration_behavior": "none"})

    assert gone.deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription_item"):
        items.retrieve(added.id)
    assert len(clock.now(made)["items"].data) == 1


def test_the_last_item_stays(shop: Shop) -> None:
    made = shop.subscribe(shop.customer().id)
    (only,) = made["items"].data

    with pytest.raises(stripe.InvalidRequestError, match="at least one item"):
        shop.client.v1.subscription_items.delete(only.id)

    assert len(every(shop)[0]["items"].data) == 1


def test_without_proration_a_change_costs_from_the_renewal_on(shop: Shop) -> None:
    clock = Clock(shop)
    made = shop.subscribe(clock.customer.id)
    clock.go(START + 10 * DAY)

    shop.client.v1.subscriptions.update(
        made.id,
        {
            "items": [{"id": made["items"].data[0].id, "price": shop.large.id}],
            "proration_behavior": "none",
        },
    )
    clock.go(FEBRUARY + 3600)

    assert [total for _, total, _ in clock.invoices()] == [10000, 30000]


def test_a_change_that_must_be_paid_is_not_made_without(shop: Shop) -> None:
    clock = Clock(shop)
    made = shop.subscribe(clock.customer.id)
    shop.use_card(clock.customer.id, "pm_card_chargeCustomerFail")
    clock.go(START + 10 * DAY)

    with pytest.raises(stripe.CardError):
        shop.client.v1.subscriptions.update(
            made.id,
            {
                "items": [{"id": made["items"].data[0].id, "price": shop.large.id}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "error_if_incomplete",
            },
        )

    after = clock.now(made)
    assert after["items"].data[0].price.id == shop.small.id
    assert len(clock.invoices()) == 1


def test_metadata_and_words_change_without_money(shop: Shop) -> None:
    made = shop.subscribe(shop.customer().id, metadata={"a": "1"})

    changed = shop.client.v1.subscriptions.update(
        made.id, {"metadata": {"b": "2"}, "description": "Team"}
    )

    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
    assert changed.description == "Team"
    assert len(shop.client.v1.invoices.list().data) == 1
    event = shop.client.v1.events.list({"type": "customer.subscription.updated"}).data[
        0
    ]
    previous = event.data.previous_attributes.to_dict()
    assert set(previous) == {"metadata", "description"}


def test_the_week_before_a_renewal_is_announced(shop: Shop) -> None:
    clock = Clock(shop)
    shop.subscribe(clock.customer.id)

    clock.go(FEBRUARY - 6 * DAY)

    (event,) = shop.client.v1.events.list({"type": "invoice.upcoming"}).data
    assert event.data.object.total == 10000
    assert len(clock.invoices()) == 1
