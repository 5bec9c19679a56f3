"""Usage: meters, their events, summaries and what they cost."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from timing import DAY, FEBRUARY, START, Clock


def meter(shop: Shop, formula: str = "sum", **changes: Any) -> Any:
    return shop.client.v1.billing.meters.create(
        {
            "display_name": "Tokens",
            "event_name": "tokens",
            "default_aggregation": {"formula": formula},
            **changes,
        }
    )


def send(shop: Shop, customer: Any, value: str = "10", **changes: Any) -> Any:
    return shop.client.v1.billing.meter_events.create(
        {
            "event_name": "tokens",
            "payload": {"stripe_customer_id": customer.id, "value": value},
            **changes,
        }
    )


def summary(shop: Shop, made: Any, customer: Any, **changes: Any) -> list[float]:
    found = shop.client.v1.billing.meters.event_summaries.list(
        made.id,
        {
            "customer": customer.id,
            "start_time": START,
            "end_time": START + 2 * DAY,
            **changes,
        },
    )
    return [one.aggregated_value for one in found.data]


def test_one_active_meter_hears_an_event(shop: Shop) -> None:
    meters = shop.client.v1.billing.meters
    first = meter(shop)

    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        meter(shop)
    meters.deactivate(first.id)
    second = meter(shop, display_name="New")

    assert [one.id for one in meters.list({"status": "active"}).data] == [second.id]
    assert [one.id for one in meters.list({"status": "inactive"}).data] == [first.id]
    assert meters.retrieve(first.id).status_transitions.deactivated_at


def test_a_meter_that_is_off_takes_nothing_until_it_is_on(shop: Shop) -> None:
    customer = shop.customer()
    made = meter(shop)
    meters = shop.client.v1.billing.meters

    meters.deactivate(made.id)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        send(shop, customer)
    meters.reactivate(made.id)

    assert refusal.value.code == "no_meter"
    assert send(shop, customer).event_name == "tokens"
    assert meters.update(made.id, {"display_name": "T"}).display_name == "T"


@pytest.mark.parametrize(
    ("formula", "expected"), [("sum", 42), ("count", 3), ("last", 5)]
)
def test_usage_is_added_up_by_the_meters_formula(
    shop: Shop, formula: str, expected: int
) -> None:
    clock = Clock(shop, at=START + DAY)
    made = meter(shop, formula)
    # The last one is the one that happened last, not the one that came last.
    for moment, value in ((START + 60, "7"), (START + 7200, "5"), (START + 120, "30")):
        send(shop, clock.customer, value, timestamp=moment)

    assert summary(shop, made, clock.customer) == [expected]


def test_usage_is_shown_by_the_hour_and_by_the_day(shop: Shop) -> None:
    clock = Clock(shop, at=START + DAY)
    made = meter(shop)
    for moment, value in ((START, "1"), (START + 3599, "2"), (START + 3600, "4")):
        send(shop, clock.customer, value, timestamp=moment)

    by_hour = summary(shop, made, clock.customer, value_grouping_window="hour")
    by_day = summary(shop, made, clock.customer, value_grouping_window="day")

    assert by_hour == [4, 3]
    assert by_day == [7]


def test_of_anothers_usage_nothing_is_counted(shop: Shop) -> None:
    clock = Clock(shop, at=START + DAY)
    other = shop.customer(test_clock=clock.clock.id)
    made = meter(shop)
    send(shop, other, "99")

    assert summary(shop, made, clock.customer) == [0]


@pytest.mark.parametrize(
    "changes",
    [
        {"start_time": START + 1},
        {"end_time": START + 61},
        {"start_time": START + 2 * DAY},
    ],
)
def test_a_summary_begins_and_ends_with_a_minute(shop: Shop, changes: Any) -> None:
    customer = shop.customer()
    made = meter(shop)

    with pytest.raises(stripe.InvalidRequestError, match="minute boundaries"):
        summary(shop, made, customer, **changes)


@pytest.mark.parametrize("value", ["", "many", "NaN", "Infinity", "1e999999999"])
def test_a_value_is_a_number(shop: Shop, value: str) -> None:
    customer = shop.customer()
    meter(shop)

    with pytest.raises(stripe.StripeError):
        send(shop, customer, value)


def test_an_event_says_who_and_what(shop: Shop) -> None:
    customer = shop.customer()
    meter(shop)

    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.client.v1.billing.meter_events.create(
            {"event_name": "tokens", "payload": {"value": "1"}}
        )
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        send(shop, customer, event_name="none")

    assert refusal.value.code == "no_meter"


@pytest.mark.parametrize(
    ("offset", "code"),
    [
        (-35 * DAY - 1, "timestamp_too_far_in_past"),
        (-35 * DAY, None),
        (5 * 60, None),
        (5 * 60 + 1, "timestamp_in_future"),
    ],
)
def test_an_event_is_not_too_old_and_hardly_in_the_future(
    shop: Shop, offset: int, code: str | None
) -> None:
    clock = Clock(shop)
    meter(shop)

    if code is None:
        assert send(shop, clock.customer, timestamp=START + offset).identifier
    else:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            send(shop, clock.customer, timestamp=START + offset)
        assert refusal.value.code == code


def test_an_event_that_was_cancelled_is_not_billed(shop: Shop) -> None:
    clock = Clock(shop, at=START + DAY)
    made = meter(shop)
    send(shop, clock.customer, "10", identifier="a")
    send(shop, clock.customer, "5", identifier="b")

    adjusted = shop.client.v1.billing.meter_event_adjustments.create(
        {"event_name": "tokens", "type": "cancel", "cancel": {"identifier": "a"}}
    )

    assert adjusted.status == "pending"
    assert summary(shop, made, clock.customer) == [5]
    with pytest.raises(stripe.InvalidRequestError, match="No such meter event"):
        shop.client.v1.billing.meter_event_adjustments.create(
            {"event_name": "tokens", "type": "cancel", "cancel": {"identifier": "a"}}
        )


def test_a_meter_may_name_its_keys(shop: Shop) -> None:
    clock = Clock(shop, at=START + DAY)
    made = meter(
        shop,
        customer_mapping={"type": "by_id", "event_payload_key": "who"},
        value_settings={"event_payload_key": "how_much"},
    )

    shop.client.v1.billing.meter_events.create(
        {
            "event_name": "tokens",
            "payload": {"who": clock.customer.id, "how_much": "2.5"},
        }
    )

    assert summary(shop, made, clock.customer) == [2.5]


def test_usage_of_each_period_is_billed_at_its_end(shop: Shop) -> None:
    clock = Clock(shop)
    made = meter(shop)
    price = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount_decimal": "0.5",
            "recurring": {
                "interval": "month",
                "usage_type": "metered",
                "meter": made.id,
            },
        }
    )
    shop.client.v1.subscriptions.create(
        {"customer": clock.customer.id, "items": [{"price": price.id}]}
    )
    send(shop, clock.customer, "301")

    clock.go(FEBRUARY + 3600)
    send(shop, clock.customer, "100")
    clock.go(FEBRUARY + 28 * DAY + 3600)

    assert [total for _, total, _ in clock.invoices()] == [0, 151, 50]


def test_a_metered_price_takes_no_quantity(shop: Shop) -> None:
    made = meter(shop)
    price = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount": 1,
            "recurring": {
                "interval": "month",
                "usage_type": "metered",
                "meter": made.id,
            },
        }
    )
    customer = shop.customer()

    with pytest.raises(stripe.InvalidRequestError, match="metered price"):
        shop.client.v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id, "quantity": 2}],
            }
        )
    assert shop.client.v1.subscriptions.list({"status": "all"}).data == []
