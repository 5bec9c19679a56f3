"""Schedules: what a subscription becomes when its period ends."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from timing import DAY, FEBRUARY, Clock, moment, period


def scheduled(shop: Shop, subscription: Any, item: dict[str, Any], **more: Any) -> Any:
    """Have ``subscription`` become ``item`` at the end of its period."""
    schedules = shop.client.v1.subscription_schedules
    begun = schedules.create({"from_subscription": subscription.id})
    running = begun.phases[0]
    now = {
        "items": [{"price": running["items"][0].price, "quantity": 1}],
        "start_date": running.start_date,
        "end_date": running.end_date,
    }
    return schedules.update(begun.id, {"phases": [now, {"items": [item]}], **more})


def test_the_next_period_is_what_the_next_phase_says(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id, shop.large)

    schedule = scheduled(shop, subscription, {"price": shop.small.id, "quantity": 2})

    assert clock.now(subscription).schedule == schedule.id
    clock.go(FEBRUARY - DAY)
    assert clock.now(subscription)["items"].data[0].price.id == shop.large.id
    clock.go(FEBRUARY + DAY)
    after = clock.now(subscription)
    assert after["items"].data[0].price.id == shop.small.id
    assert period(after) == (FEBRUARY, moment(2026, 3, 1))
    assert clock.invoices() == [
        ("paid", 30000, "subscription_create"),
        ("paid", 20000, "subscription_cycle"),
    ]


def test_after_its_last_phase_a_schedule_lets_go(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id, shop.large)
    schedule = scheduled(shop, subscription, {"price": shop.small.id})

    clock.go(moment(2026, 3, 2))

    assert clock.now(subscription).schedule is None
    found = shop.client.v1.subscription_schedules.retrieve(schedule.id)
    assert (found.status, found.released_subscription) == ("released", subscription.id)
    assert clock.invoices()[-1] == ("paid", 10000, "subscription_cycle")


def test_another_interval_begins_with_the_phase(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id, shop.large)
    yearly = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount": 90000,
            "recurring": {"interval": "year"},
        }
    )
    scheduled(shop, subscription, {"price": yearly.id})

    clock.go(FEBRUARY + DAY)

    assert period(clock.now(subscription)) == (FEBRUARY, moment(2027, 2, 1))
    assert clock.invoices()[-1] == ("paid", 90000, "subscription_cycle")


def test_a_phase_keeps_only_the_discounts_and_taxes_it_names(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    rate = shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 20, "inclusive": False}
    )
    extras: Any = {
        "discounts": [{"coupon": coupon.id}],
        "default_tax_rates": [rate.id],
    }
    totals = []
    for keeps in (False, True):
        clock = Clock(shop)
        subscription = shop.subscribe(clock.customer.id, shop.large, **extras)
        phases = shop.client.v1.subscription_schedules
        begun = phases.create({"from_subscription": subscription.id})
        running = begun.phases[0]
        kept: Any = {}
        if keeps:
            kept = {
                "discounts": [{"discount": running.discounts[0].discount}],
                "default_tax_rates": [rate.id],
            }
        now = {
            "items": [{"price": shop.large.id, "quantity": 1}],
            "start_date": running.start_date,
            "end_date": running.end_date,
            **kept,
        }
        then = {"items": [{"price": shop.small.id}], **kept}
        phases.update(begun.id, {"phases": [now, then]})
        clock.go(FEBRUARY + DAY)
        totals.append(clock.invoices()[-1][1])

    assert totals == [10000, 6000]


def test_released_nothing_changes(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id, shop.large)
    schedule = scheduled(shop, subscription, {"price": shop.small.id})

    shop.client.v1.subscription_schedules.release(schedule.id)
    clock.go(FEBRUARY + DAY)

    assert clock.invoices()[-1] == ("paid", 30000, "subscription_cycle")
    with pytest.raises(stripe.InvalidRequestError, match="released"):
        shop.client.v1.subscription_schedules.release(schedule.id)


def test_with_its_subscription_a_schedule_ends(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id, shop.large)
    schedule = scheduled(shop, subscription, {"price": shop.small.id})

    shop.client.v1.subscriptions.cancel(subscription.id)

    found = shop.client.v1.subscription_schedules.retrieve(schedule.id)
    assert found.status == "canceled"


def test_what_a_schedule_decides_is_not_changed_beside_it(shop: Shop) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id, shop.large)
    scheduled(shop, subscription, {"price": shop.small.id})
    item = subscription["items"].data[0].id
    changes: list[Any] = [
        {"cancel_at_period_end": True},
        {"items": [{"id": item, "price": shop.small.id}]},
    ]

    for change in changes:
        with pytest.raises(stripe.InvalidRequestError, match="schedule"):
            shop.client.v1.subscriptions.update(subscription.id, change)
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        shop.client.v1.subscription_schedules.create(
            {"from_subscription": subscription.id}
        )


@pytest.mark.parametrize(
    "change",
    [
        {"end_behavior": "cancel"},
        {"default_settings": {"description": "x"}},
        {"phases": [{"items": [{"price": "price_x"}], "start_date": 5}]},
    ],
)
def test_what_a_schedule_would_ignore_is_refused(
    shop: Shop, change: dict[str, Any]
) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id, shop.large)
    begun = shop.client.v1.subscription_schedules.create(
        {"from_subscription": subscription.id}
    )

    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.subscription_schedules.update(begun.id, change)

    assert len(shop.client.v1.subscription_schedules.retrieve(begun.id).phases) == 1


def test_a_preview_holds_what_waits_and_codes_that_are_not_given_yet(
    shop: Shop,
) -> None:
    clock = Clock(shop)
    subscription = shop.subscribe(clock.customer.id)
    coupon = shop.client.v1.coupons.create({"percent_off": 10, "max_redemptions": 1})
    shop.client.v1.invoice_items.create(
        {"customer": clock.customer.id, "amount": 700, "currency": "usd"}
    )
    item = {"id": subscription["items"].data[0].id, "price": shop.large.id}
    change: Any = {"items": [item], "proration_behavior": "always_invoice"}
    discounts = [{"coupon": coupon.id}]
    shown = shop.client.v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": change,
            "discounts": discounts,
        }
    )
    assert shop.client.v1.coupons.retrieve(coupon.id).times_redeemed == 0

    shop.client.v1.subscriptions.update(
        subscription.id,
        {
            **change,
            "discounts": discounts,
            "proration_date": (
                shown.parent.subscription_details.subscription_proration_date
            ),
        },
    )

    assert clock.invoices()[-1] == ("paid", shown.total, "subscription_update")
    assert shown.total == (20000 + 700) * 9 // 10
