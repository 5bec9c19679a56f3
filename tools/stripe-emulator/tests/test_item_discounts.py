"""Coupons of one item: how long, in which order with others, what a preview says."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from timing import DAY, FEBRUARY, Clock, moment


def coupon(shop: Shop, **params: Any) -> Any:
    return shop.client.v1.coupons.create({"duration": "forever", **params})


def sum_off(shop: Shop, amount: int, **params: Any) -> Any:
    return coupon(shop, amount_off=amount, currency="usd", **params)


def subscribe(shop: Shop, clock: Clock, own: list[Any], **params: Any) -> Any:
    """Subscribe to the small price with discounts of its own, and to the large one."""
    small: Any = {"price": shop.small.id, "discounts": [{"coupon": c.id} for c in own]}
    return shop.client.v1.subscriptions.create(
        {
            "customer": clock.customer.id,
            "items": [small, {"price": shop.large.id}],
            **params,
        }
    )


def shown_items(shop: Shop, subscription: Any) -> list[Any]:
    found = shop.client.v1.subscription_items.list(
        {"subscription": subscription.id, "expand": ["data.discounts.source.coupon"]}
    )
    return list(found.data)


@pytest.mark.parametrize(
    ("terms", "off"),
    [
        ({"percent_off": 20}, [2000, 2000, 2000]),
        ({"percent_off": 20, "duration": "once"}, [2000, 0, 0]),
        (
            {"percent_off": 20, "duration": "repeating", "duration_in_months": 2},
            [2000, 2000, 0],
        ),
        ({"amount_off": 1500, "currency": "usd"}, [1500, 1500, 1500]),
        # No more than the item costs, however much the others do.
        ({"amount_off": 25_000, "currency": "usd"}, [10_000, 10_000, 10_000]),
    ],
)
def test_a_coupon_of_an_item_lowers_that_item_as_long_as_it_says(
    shop: Shop, terms: Any, off: list[int]
) -> None:
    clock = Clock(shop)
    made = subscribe(shop, clock, [coupon(shop, **terms)])

    clock.go(FEBRUARY + 3600)
    clock.go(moment(2026, 3, 1) + 3600)

    assert [total for _, total, _ in clock.invoices()] == [40_000 - o for o in off]
    bills = shop.client.v1.invoices.list({"customer": clock.customer.id}).data
    for bill in bills:
        small, large = sorted(bill.lines.data, key=lambda line: line.amount)
        assert large.discount_amounts == []
        assert sum(part.amount for part in bill.total_discount_amounts) == sum(
            part.amount for part in small.discount_amounts
        )
    assert len(clock.now(made)["items"].data[0].discounts) == (1 if off[-1] else 0)


def test_discounts_of_an_item_come_off_before_those_of_the_whole(shop: Shop) -> None:
    clock = Clock(shop)
    half = coupon(shop, percent_off=50)

    subscribe(
        shop,
        clock,
        [coupon(shop, percent_off=10), sum_off(shop, 2000)],
        discounts=[{"coupon": half.id}],
    )

    # 100.00 less a tenth is 90.00, less 20.00 is 70.00; half of 370.00.
    assert clock.invoices()[-1][1] == (7_000 + 30_000) // 2


def test_a_preview_counts_them_and_gives_none(shop: Shop) -> None:
    clock = Clock(shop)
    made = subscribe(shop, clock, [])
    item = made["items"].data[0].id
    given = coupon(shop, percent_off=30, max_redemptions=1)
    change: Any = {"items": [{"id": item, "discounts": [{"coupon": given.id}]}]}

    shown = shop.client.v1.invoices.create_preview(
        {"subscription": made.id, "subscription_details": change}
    )
    new = shop.client.v1.invoices.create_preview(
        {
            "customer": clock.customer.id,
            "subscription_details": {
                "items": [{"price": shop.small.id, "discounts": [{"coupon": given.id}]}]
            },
        }
    )

    assert (shown.total, new.total) == (37_000, 7_000)
    assert shop.client.v1.coupons.retrieve(given.id).times_redeemed == 0
    assert shown_items(shop, made)[0].discounts == []
    shop.client.v1.subscriptions.update(made.id, change)
    clock.go(FEBRUARY + 3600)
    assert clock.invoices()[-1][1] == shown.total
    assert shop.client.v1.coupons.retrieve(given.id).times_redeemed == 1


def test_they_stay_with_an_item_that_costs_something_else(shop: Shop) -> None:
    clock = Clock(shop)
    made = shop.client.v1.subscriptions.create(
        {
            "customer": clock.customer.id,
            "items": [
                {
                    "price": shop.small.id,
                    "discounts": [{"coupon": coupon(shop, percent_off=50).id}],
                }
            ],
        }
    )
    half_way = FEBRUARY - 31 * DAY // 2
    clock.go(half_way)

    shop.client.v1.subscriptions.update(
        made.id,
        {
            "items": [{"id": made["items"].data[0].id, "price": shop.large.id}],
            "proration_behavior": "always_invoice",
        },
    )

    # Half of the month, at half of the list price, both ways.
    assert clock.invoices()[-1][1] == (15_000 - 5_000) // 2
    clock.go(FEBRUARY + 3600)
    assert clock.invoices()[-1][1] == 15_000


@pytest.mark.parametrize("keeps", [True, False])
def test_a_phase_keeps_those_of_an_item_that_it_names(shop: Shop, keeps: bool) -> None:
    clock = Clock(shop)
    made = shop.client.v1.subscriptions.create(
        {
            "customer": clock.customer.id,
            "items": [
                {
                    "price": shop.large.id,
                    "discounts": [{"coupon": coupon(shop, percent_off=10).id}],
                }
            ],
        }
    )
    schedules = shop.client.v1.subscription_schedules
    begun = schedules.create({"from_subscription": made.id})
    running = begun.phases[0]
    [known] = running["items"][0].discounts
    extra = {"discounts": [{"discount": known.discount}]} if keeps else {}
    now: Any = {
        "items": [{"price": shop.large.id, "quantity": 1, **extra}],
        "start_date": running.start_date,
        "end_date": running.end_date,
    }
    then: Any = {"items": [{"price": shop.small.id, **extra}]}
    schedules.update(begun.id, {"phases": [now, then]})

    clock.go(FEBRUARY + DAY)

    assert clock.invoices()[-1][1] == (9_000 if keeps else 10_000)


def test_an_item_is_given_them_and_loses_them(shop: Shop) -> None:
    clock = Clock(shop)
    made = subscribe(shop, clock, [])
    items = shop.client.v1.subscription_items
    first = made["items"].data[0].id
    given = coupon(shop, percent_off=40)

    items.update(first, {"discounts": [{"coupon": given.id}]})

    [discount] = shown_items(shop, made)[0].discounts
    assert (discount.subscription, discount.subscription_item) == (made.id, first)
    assert discount.source.coupon.percent_off == 40
    items.update(first, {"discounts": [{"discount": discount.id}], "quantity": 2})
    assert [one.id for one in shown_items(shop, made)[0].discounts] == [discount.id]
    items.update(first, {"discounts": ""})
    assert shown_items(shop, made)[0].discounts == []


@pytest.mark.parametrize(
    ("entry", "param"),
    [
        ({"discounts": [{"coupon": "none"}]}, "items[0][discounts][0][coupon]"),
        ({"discounts": [{"discount": "di_x"}]}, "items[0][discounts][0][discount]"),
        ({"billing_thresholds": {"usage_gte": 1}}, "items[0][billing_thresholds]"),
    ],
)
def test_what_an_item_cannot_have_is_named(shop: Shop, entry: Any, param: str) -> None:
    clock = Clock(shop)
    made = subscribe(shop, clock, [])
    first = made["items"].data[0].id
    new: Any = {
        "customer": clock.customer.id,
        "items": [{"price": shop.small.id, **entry}],
    }

    with pytest.raises(stripe.InvalidRequestError) as changing:
        shop.client.v1.subscription_items.update(first, entry)
    with pytest.raises(stripe.InvalidRequestError) as creating:
        shop.client.v1.subscriptions.create(new)

    assert (changing.value.param, creating.value.param) == (param, param)
