"""Time and money: cycles, prorations, failures, trials, under test clocks."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from timing import DAY, FEBRUARY, START, Clock, moment, period


def test_a_renewal_is_drafted_then_paid_an_hour_later(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id)

    clock.go(FEBRUARY)
    assert clock.invoices()[-1] == ("draft", 10000, "subscription_cycle")
    clock.go(FEBRUARY + 3600)

    assert clock.invoices() == [
        ("paid", 10000, "subscription_create"),
        ("paid", 10000, "subscription_cycle"),
    ]
    assert period(clock.now(subscription)) == (FEBRUARY, moment(2026, 3, 1))


def test_the_31st_comes_back_after_a_short_month(shop: Shop) -> None:
    clock = Clock(shop, at=moment(2026, 1, 31))
    subscription = shop.subscribe(clock.customer.id)

    assert period(subscription)[1] == moment(2026, 2, 28)
    clock.go(moment(2026, 3, 1))

    assert period(clock.now(subscription)) == (moment(2026, 2, 28), moment(2026, 3, 31))


def test_a_failed_renewal_is_retried_then_ends_the_plan(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id)
    shop.use_card(clock.customer.id, "pm_card_chargeCustomerFail")

    clock.go(FEBRUARY + 3600)
    assert clock.now(subscription).status == "past_due"
    clock.go(FEBRUARY + 3600 + 8 * DAY)
    assert clock.now(subscription).status == "past_due"
    clock.go(FEBRUARY + 3600 + 15 * DAY)

    ended = clock.now(subscription)
    invoice = shop.client.v1.invoices.retrieve(ended.latest_invoice)
    assert (ended.status, ended.cancellation_details.reason) == (
        "canceled",
        "payment_failed",
    )
    assert (invoice.status, invoice.attempt_count) == ("open", 4)


def test_paying_the_open_invoice_makes_a_late_plan_active(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id)
    shop.use_card(clock.customer.id, "pm_card_chargeCustomerFail")
    clock.go(FEBRUARY + 3600)
    late = clock.now(subscription)

    with pytest.raises(stripe.CardError):
        shop.client.v1.invoices.pay(late.latest_invoice)
    assert shop.client.v1.invoices.retrieve(late.latest_invoice).attempt_count == 2
    shop.client.v1.invoices.pay(late.latest_invoice, {"payment_method": "pm_card_visa"})

    assert clock.now(subscription).status == "active"


def test_an_upgrade_bills_the_difference_to_the_second(shop: Shop) -> None:
    # 65.8333 % of a 30 day period are left: 79 of 120 parts.
    clock = Clock(shop, at=moment(2026, 4, 1))
    subscription = shop.subscribe(clock.customer.id)
    start, end = period(subscription)
    at = end - (end - start) * 79 // 120
    clock.go(at)
    change: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.large.id}],
        "proration_behavior": "always_invoice",
        "proration_date": at,
    }

    preview = shop.client.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": change}
    )
    changed = shop.client.v1.subscriptions.update(
        subscription.id, {**change, "expand": ["latest_invoice"]}
    )

    assert [line.amount for line in preview.lines.data] == [-6583, 19750]
    assert preview.total == 13167
    assert changed.latest_invoice.total == 13167
    assert changed.latest_invoice.status == "paid"
    assert changed["items"].data[0].price.id == shop.large.id
    assert period(changed) == (start, end)


def test_prorations_wait_for_the_renewal_by_default(shop: Shop) -> None:
    clock = Clock(shop, at=moment(2026, 4, 1))
    subscription = shop.subscribe(clock.customer.id)
    clock.go(moment(2026, 4, 16))
    item = subscription["items"].data[0].id

    shop.client.v1.subscription_items.update(item, {"quantity": 3})
    assert clock.invoices() == [("paid", 10000, "subscription_create")]
    clock.go(moment(2026, 5, 1) + 3600)

    assert clock.invoices()[-1] == ("paid", 40000, "subscription_cycle")


def test_a_downgrade_leaves_credit_for_the_next_invoice(shop: Shop) -> None:
    clock = Clock(shop, at=moment(2026, 4, 1))
    subscription = shop.subscribe(clock.customer.id, shop.large)
    clock.go(moment(2026, 4, 16))

    shop.client.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": subscription["items"].data[0].id, "price": shop.small.id}],
            "proration_behavior": "always_invoice",
        },
    )
    assert shop.client.v1.customers.retrieve(clock.customer.id).balance == -10000
    clock.go(moment(2026, 5, 1) + 3600)

    renewal = shop.client.v1.invoices.list({"customer": clock.customer.id}).data[0]
    assert (renewal.total, renewal.amount_due, renewal.amount_paid) == (10000, 0, 0)
    assert shop.client.v1.customers.retrieve(clock.customer.id).balance == 0


def test_a_refused_upgrade_is_held_back_until_paid(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id)
    shop.use_card(clock.customer.id, "pm_card_chargeCustomerFail")

    held = shop.client.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": subscription["items"].data[0].id, "price": shop.large.id}],
            "proration_behavior": "always_invoice",
            "payment_behavior": "pending_if_incomplete",
        },
    )
    assert (held.status, held["items"].data[0].price.id) == ("active", shop.small.id)
    assert held.pending_update is not None
    shop.client.v1.invoices.pay(held.latest_invoice, {"payment_method": "pm_card_visa"})

    paid = clock.now(subscription)
    assert (paid["items"].data[0].price.id, paid.pending_update) == (
        shop.large.id,
        None,
    )


def test_a_refused_upgrade_lapses_after_23_hours(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id)
    shop.use_card(clock.customer.id, "pm_card_chargeCustomerFail")
    held = shop.client.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": subscription["items"].data[0].id, "price": shop.large.id}],
            "proration_behavior": "always_invoice",
            "payment_behavior": "pending_if_incomplete",
        },
    )

    clock.go(START + 24 * 3600)

    lapsed = clock.now(subscription)
    assert (lapsed["items"].data[0].price.id, lapsed.pending_update) == (
        shop.small.id,
        None,
    )
    assert shop.client.v1.invoices.retrieve(held.latest_invoice).status == "void"


def test_an_unpaid_first_invoice_expires_after_23_hours(shop: Shop) -> None:
    clock = Clock(shop, card="pm_card_chargeCustomerFail")
    subscription = shop.subscribe(clock.customer.id)
    assert subscription.status == "incomplete"

    clock.go(START + 23 * 3600)

    assert clock.now(subscription).status == "incomplete_expired"
    assert clock.invoices() == [("void", 10000, "subscription_create")]


def test_a_subscription_without_any_card_is_refused(shop: Shop) -> None:
    customer = shop.customer(card=None)

    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        shop.subscribe(customer.id)
    assert shop.client.v1.subscriptions.list({"status": "all"}).data == []


@pytest.mark.parametrize(
    ("card", "rule", "status"),
    [
        ("pm_card_visa", "pause", "active"),
        (None, "pause", "paused"),
        (None, "cancel", "canceled"),
    ],
)
def test_a_trial_ends_by_its_rule(
    shop: Shop, card: str | None, rule: str, status: str
) -> None:
    clock = Clock(shop, card=card)
    subscription = shop.subscribe(
        clock.customer.id,
        trial_period_days=14,
        trial_settings={"end_behavior": {"missing_payment_method": rule}},
    )
    assert (subscription.status, period(subscription)[1]) == (
        "trialing",
        START + 14 * DAY,
    )

    clock.go(START + 14 * DAY + 3600)

    assert clock.now(subscription).status == status
    kinds = {event.type for event in shop.client.v1.events.list({"limit": 100}).data}
    assert "customer.subscription.trial_will_end" in kinds


def test_a_paused_plan_resumes_with_a_new_period(shop: Shop) -> None:
    clock = Clock(shop, card=None)
    subscription = shop.subscribe(
        clock.customer.id,
        trial_period_days=14,
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
    )
    clock.go(START + 20 * DAY)
    shop.use_card(clock.customer.id, "pm_card_visa")

    resumed = shop.client.v1.subscriptions.resume(subscription.id)

    assert (resumed.status, period(resumed)[0]) == ("active", START + 20 * DAY)
    assert clock.invoices()[-1] == ("paid", 10000, "subscription_update")


def test_a_planned_end_takes_effect_at_the_period_end(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id)
    shop.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    clock.go(FEBRUARY - 1)
    assert clock.now(subscription).status == "active"
    clock.go(FEBRUARY)

    assert clock.now(subscription).status == "canceled"
    assert len(clock.invoices()) == 1


def test_metered_usage_is_billed_at_the_period_end(shop: Shop) -> None:
    clock = Clock(shop)
    meter = shop.client.v1.billing.meters.create(
        {
            "display_name": "Tokens",
            "event_name": "tokens",
            "default_aggregation": {"formula": "sum"},
        }
    )
    price = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount": 2,
            "recurring": {
                "interval": "month",
                "usage_type": "metered",
                "meter": meter.id,
            },
        }
    )
    shop.client.v1.subscriptions.create(
        {
            "customer": clock.customer.id,
            "items": [{"price": shop.small.id, "quantity": 3}, {"price": price.id}],
        }
    )
    event: Any = {
        "event_name": "tokens",
        "payload": {"stripe_customer_id": clock.customer.id, "value": "1200"},
        "identifier": "u:1",
    }
    shop.client.v1.billing.meter_events.create(event)

    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        shop.client.v1.billing.meter_events.create(event)
    with pytest.raises(stripe.InvalidRequestError, match="35 calendar days"):
        shop.client.v1.billing.meter_events.create(
            {**event, "identifier": "u:2", "timestamp": START - 36 * DAY}
        )
    summaries = shop.client.v1.billing.meters.event_summaries.list(
        meter.id,
        {"customer": clock.customer.id, "start_time": START, "end_time": FEBRUARY},
    )
    clock.go(FEBRUARY + 3600)

    assert summaries.data[0].aggregated_value == 1200
    assert clock.invoices()[-1] == ("paid", 32400, "subscription_cycle")


def test_a_coupon_for_once_discounts_the_first_invoice_only(shop: Shop) -> None:
    clock = Clock(shop)
    coupon = shop.client.v1.coupons.create({"percent_off": 25, "duration": "once"})

    shop.subscribe(clock.customer.id, discounts=[{"coupon": coupon.id}])
    clock.go(FEBRUARY + 3600)

    assert [total for _, total, _ in clock.invoices()] == [7500, 10000]
    assert shop.client.v1.coupons.retrieve(coupon.id).times_redeemed == 1


def test_an_exclusive_tax_rate_adds_to_the_total(shop: Shop) -> None:
    customer = shop.customer()
    rate = shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "inclusive": False, "percentage": 13}
    )

    subscription = shop.subscribe(
        customer.id, default_tax_rates=[rate.id], expand=["latest_invoice"]
    )

    invoice = subscription.latest_invoice
    assert (invoice.subtotal, invoice.total) == (10000, 11300)
    assert invoice.total_taxes[0].amount == 1300


def test_refunds_never_exceed_the_charge(shop: Shop) -> None:
    customer = shop.customer()
    shop.subscribe(customer.id)
    charge = shop.client.v1.charges.list({"customer": customer.id}).data[0]

    shop.client.v1.refunds.create({"charge": charge.id, "amount": 4000})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        shop.client.v1.refunds.create({"charge": charge.id, "amount": 6001})
    shop.client.v1.refunds.create({"payment_intent": charge.payment_intent})

    after = shop.client.v1.charges.retrieve(charge.id)
    assert (after.amount_refunded, after.refunded) == (10000, True)


def test_a_clock_moves_two_intervals_at_most(shop: Shop) -> None:
    clock = Clock(shop)
    shop.subscribe(clock.customer.id)

    with pytest.raises(stripe.InvalidRequestError, match="two intervals"):
        clock.go(START + 100 * DAY)


def test_changing_the_interval_starts_a_new_period(shop: Shop) -> None:
    clock = Clock(shop, at=moment(2026, 4, 1))
    subscription = shop.subscribe(clock.customer.id)
    yearly = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount": 100000,
            "recurring": {"interval": "year"},
        }
    )
    clock.go(moment(2026, 4, 16))

    changed = shop.client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": subscription["items"].data[0].id, "price": yearly.id}]},
    )

    assert period(changed) == (moment(2026, 4, 16), moment(2027, 4, 16))
    assert clock.invoices()[-1] == ("paid", 95000, "subscription_update")


def test_a_deleted_customer_is_a_tombstone_whatever_is_expanded(shop: Shop) -> None:
    customer = shop.customer()
    shop.client.v1.customers.delete(customer.id)

    found: Any = shop.client.v1.customers.retrieve(
        customer.id, {"expand": ["invoice_settings.default_payment_method"]}
    )

    assert found.to_dict(for_json=True) == {
        "id": customer.id,
        "object": "customer",
        "deleted": True,
    }
