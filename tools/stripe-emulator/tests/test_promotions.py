"""Coupons, promotion codes, tax rates and features."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from stripe_emulator.engine.discounts import take_off
from timing import FEBRUARY, Clock, moment


def coupon(shop: Shop, **changes: Any) -> Any:
    params = {"percent_off": 20, "duration": "forever"} | changes
    return shop.client.v1.coupons.create(
        {name: value for name, value in params.items() if value is not None}
    )


def code(shop: Shop, made: Any, **changes: Any) -> Any:
    return shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": made.id}, **changes}
    )


def buy(shop: Shop, customer: Any, **discount: str) -> Any:
    return shop.subscribe(customer.id, discounts=[discount], expand=["latest_invoice"])


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"percent_off": None}, None),
        ({"amount_off": 5, "currency": "usd"}, None),
        ({"percent_off": None, "amount_off": 5}, "currency"),
        ({"duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 0}, "percent_off"),
        ({"percent_off": 100.5}, "percent_off"),
        ({"percent_off": None, "amount_off": 0, "currency": "usd"}, "amount_off"),
    ],
)
def test_a_coupon_says_what_it_takes_off_and_how_long(
    shop: Shop, changes: Any, param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        coupon(shop, **changes)

    assert refusal.value.param == param
    assert shop.client.v1.coupons.list().data == []


def test_a_coupons_id_is_taken_once(shop: Shop) -> None:
    made = coupon(shop, id="SPRING", name="Spring")

    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        coupon(shop, id="SPRING")
    renamed = shop.client.v1.coupons.update("SPRING", {"name": "Summer"})

    assert (made.id, renamed.name) == ("SPRING", "Summer")
    assert [one.id for one in shop.client.v1.coupons.list().data] == ["SPRING"]


@pytest.mark.parametrize(
    ("changes", "totals"),
    [
        ({"percent_off": 20, "duration": "forever"}, [8000, 8000, 8000]),
        ({"percent_off": 20, "duration": "once"}, [8000, 10000, 10000]),
        (
            {"percent_off": 50, "duration": "repeating", "duration_in_months": 2},
            [5000, 5000, 10000],
        ),
        (
            {
                "percent_off": None,
                "amount_off": 1500,
                "currency": "usd",
                "duration": "forever",
            },
            [8500, 8500, 8500],
        ),
        ({"percent_off": 33.3, "duration": "once"}, [6670, 10000, 10000]),
    ],
)
def test_a_discount_lasts_as_long_as_it_says(
    shop: Shop, changes: Any, totals: list[int]
) -> None:
    clock = Clock(shop)
    buy(shop, clock.customer, coupon=coupon(shop, **changes).id)

    clock.go(FEBRUARY + 3600)
    clock.go(moment(2026, 3, 1) + 3600)

    assert [total for _, total, _ in clock.invoices()] == totals


def test_an_amount_takes_off_no_more_than_there_is(shop: Shop) -> None:
    customer = shop.customer()
    made = coupon(shop, percent_off=None, amount_off=99_999, currency="usd")

    bought = buy(shop, customer, coupon=made.id)

    invoice = bought.latest_invoice
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (10000, 0, 0)
    assert (bought.status, invoice.status) == ("active", "paid")
    assert shop.client.v1.charges.list().data == []


def test_an_amount_is_shared_out_to_the_last_cent(shop: Shop) -> None:
    customer = shop.customer()
    made = coupon(shop, percent_off=None, amount_off=1000, currency="usd")
    third = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount": 3333,
            "recurring": {"interval": "month"},
        }
    )

    bought = shop.client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [
                {"price": shop.small.id},
                {"price": third.id},
                {"price": shop.large.id},
            ],
            "discounts": [{"coupon": made.id}],
            "expand": ["latest_invoice"],
        }
    )

    invoice = bought.latest_invoice
    shares = [line.discount_amounts[0].amount for line in invoice.lines.data]
    assert sum(shares) == 1000
    assert invoice.total_discount_amounts[0].amount == 1000
    assert invoice.total == 10000 + 3333 + 30000 - 1000


def test_a_coupon_for_some_products_leaves_the_others(shop: Shop) -> None:
    customer = shop.customer()
    other = shop.client.v1.prices.create(
        {
            "product_data": {"name": "Other"},
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
        }
    )
    made = coupon(shop, percent_off=50, applies_to={"products": [other.product]})

    bought = shop.client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": shop.small.id}, {"price": other.id}],
            "discounts": [{"coupon": made.id}],
            "expand": ["latest_invoice"],
        }
    )

    assert bought.latest_invoice.total == 10000 + 1000


def test_what_a_coupon_is_for_is_shown_when_asked_for(shop: Shop) -> None:
    only = {"products": [shop.product.id]}
    made = coupon(shop, percent_off=50, applies_to=only)
    every = coupon(shop, percent_off=50)
    asked: Any = {"expand": ["applies_to"]}
    coupons = shop.client.v1.coupons

    assert "applies_to" not in made.to_dict()
    assert "applies_to" not in coupons.retrieve(made.id).to_dict()
    assert coupons.retrieve(made.id, asked).applies_to.products == only["products"]
    assert coupons.retrieve(every.id, asked).applies_to is None
    bought = shop.client.v1.subscriptions.create(
        {
            "customer": shop.customer().id,
            "items": [{"price": shop.small.id, "discounts": [{"coupon": made.id}]}],
            "discounts": [{"coupon": made.id}],
            "expand": ["discounts.source.coupon.applies_to"],
        }
    )
    item = shop.client.v1.subscription_items.retrieve(
        bought["items"].data[0].id, {"expand": ["discounts.source.coupon.applies_to"]}
    )
    for discount in (bought.discounts[0], item.discounts[0]):
        assert discount.source.coupon.applies_to.products == only["products"]


def test_a_coupon_that_is_spent_is_not_given_again(shop: Shop) -> None:
    made = coupon(shop, max_redemptions=1)
    first, second = shop.customer(), shop.customer()
    buy(shop, first, coupon=made.id)

    with pytest.raises(stripe.InvalidRequestError, match="no longer valid"):
        buy(shop, second, coupon=made.id)

    found = shop.client.v1.coupons.retrieve(made.id)
    assert (found.times_redeemed, found.valid) == (1, False)
    assert len(shop.client.v1.subscriptions.list().data) == 1


def test_a_coupon_of_another_currency_is_refused(shop: Shop) -> None:
    made = coupon(shop, percent_off=None, amount_off=5, currency="eur")
    customer = shop.customer()

    with pytest.raises(stripe.InvalidRequestError, match="another currency"):
        buy(shop, customer, coupon=made.id)


def test_a_deleted_coupon_is_spent_and_what_it_gave_goes_on(shop: Shop) -> None:
    clock = Clock(shop)
    made = coupon(shop, percent_off=50)
    buy(shop, clock.customer, coupon=made.id)

    assert shop.client.v1.coupons.delete(made.id).deleted
    clock.go(FEBRUARY + 3600)

    assert [total for _, total, _ in clock.invoices()] == [5000, 5000]
    with pytest.raises(stripe.InvalidRequestError, match="no longer valid"):
        buy(shop, shop.customer(), coupon=made.id)


def test_a_code_is_unique_among_the_active_ones_in_any_case(shop: Shop) -> None:
    made = coupon(shop)
    first = code(shop, made, code="Spring")

    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        code(shop, made, code="SPRING")
    shop.client.v1.promotion_codes.update(first.id, {"active": False})
    second = code(shop, made, code="SPRING")

    listed = shop.client.v1.promotion_codes.list
    assert [one.id for one in listed({"code": "spring"}).data] == [second.id, first.id]
    assert [one.id for one in listed({"active": True}).data] == [second.id]
    assert [one.id for one in listed({"coupon": "none"}).data] == []


def test_a_code_without_a_word_gets_one(shop: Shop) -> None:
    made = code(shop, coupon(shop))

    assert len(made.code) == 8
    assert made.code == made.code.upper()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"active": False}, "has expired"),
        ({"expires_at": 1_600_000_000}, "has expired"),
        (
            {
                "restrictions": {
                    "minimum_amount": 10001,
                    "minimum_amount_currency": "usd",
                }
            },
            "minimum",
        ),
    ],
)
def test_a_code_that_does_not_fit_buys_nothing(
    shop: Shop, changes: Any, said: str
) -> None:
    customer = shop.customer()
    made = code(shop, coupon(shop), code="X", **changes)

    with pytest.raises(stripe.InvalidRequestError, match=said) as refusal:
        buy(shop, customer, promotion_code=made.id)

    assert refusal.value.code == "promotion_code_invalid"
    assert shop.client.v1.subscriptions.list({"status": "all"}).data == []
    assert shop.client.v1.promotion_codes.retrieve(made.id).times_redeemed == 0


def test_a_code_is_used_as_often_as_it_says(shop: Shop) -> None:
    made = code(shop, coupon(shop), max_redemptions=1)
    buy(shop, shop.customer(), promotion_code=made.id)

    with pytest.raises(stripe.InvalidRequestError, match="used up"):
        buy(shop, shop.customer(), promotion_code=made.id)

    assert shop.client.v1.promotion_codes.retrieve(made.id).times_redeemed == 1


def test_a_code_for_one_customer_is_nobody_elses(shop: Shop) -> None:
    mine, other = shop.customer(), shop.customer()
    made = code(shop, coupon(shop), customer=mine.id)

    with pytest.raises(stripe.InvalidRequestError, match="another customer"):
        buy(shop, other, promotion_code=made.id)
    bought = buy(shop, mine, promotion_code=made.id)

    assert bought.latest_invoice.total == 8000


def test_a_code_for_first_orders_looks_at_what_was_paid(shop: Shop) -> None:
    made = code(
        shop, coupon(shop), restrictions={"first_time_transaction": True}, code="FIRST"
    )
    fresh, regular = shop.customer(), shop.customer()
    shop.subscribe(regular.id)

    with pytest.raises(stripe.InvalidRequestError, match="first orders"):
        buy(shop, regular, promotion_code=made.id)
    assert buy(shop, fresh, promotion_code=made.id).latest_invoice.total == 8000


@pytest.mark.parametrize(
    ("inclusive", "totals"),
    [(False, (10000, 1900, 11900)), (True, (10000, 1597, 10000))],
)
def test_a_tax_is_added_or_lies_inside(
    shop: Shop, totals: tuple[int, int, int], *, inclusive: bool
) -> None:
    rate = shop.client.v1.tax_rates.create(
        {"display_name": "MwSt", "inclusive": inclusive, "percentage": 19}
    )
    customer = shop.customer()

    bought = shop.subscribe(
        customer.id, default_tax_rates=[rate.id], expand=["latest_invoice"]
    )

    invoice = bought.latest_invoice
    assert (invoice.subtotal, invoice.total_taxes[0].amount, invoice.total) == totals
    kind = "inclusive" if inclusive else "exclusive"
    assert invoice.total_taxes[0].tax_behavior == kind
    assert invoice.total_excluding_tax == invoice.total - totals[1]


def test_a_tax_falls_on_what_is_left_after_the_discount(shop: Shop) -> None:
    rate = shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "inclusive": False, "percentage": 10}
    )
    customer = shop.customer()

    bought = shop.subscribe(
        customer.id,
        default_tax_rates=[rate.id],
        discounts=[{"coupon": coupon(shop, percent_off=50).id}],
        expand=["latest_invoice"],
    )

    assert bought.latest_invoice.total == 5000 + 500


def test_a_tax_rate_keeps_its_percentage(shop: Shop) -> None:
    rates = shop.client.v1.tax_rates
    rate = rates.create({"display_name": "VAT", "inclusive": False, "percentage": 10})

    with pytest.raises(stripe.InvalidRequestError, match="percentage"):
        rates.update(rate.id, {"percentage": 20})
    retired = rates.update(rate.id, {"active": False, "display_name": "Old"})

    assert (retired.active, retired.display_name, retired.percentage) == (
        False,
        "Old",
        10,
    )
    assert rates.list({"active": True}).data == []
    assert [one.id for one in rates.list({"inclusive": False}).data] == [rate.id]


def test_features_follow_the_plan_that_is_held(shop: Shop) -> None:
    v1 = shop.client.v1
    feature = v1.entitlements.features.create({"name": "API", "lookup_key": "api"})
    v1.entitlements.features.create({"name": "Other", "lookup_key": "other"})
    v1.products.features.create(shop.product.id, {"entitlement_feature": feature.id})
    customer = shop.customer()
    held = v1.entitlements.active_entitlements.list

    assert held({"customer": customer.id}).data == []
    subscription = shop.subscribe(customer.id)
    assert [one.lookup_key for one in held({"customer": customer.id}).data] == ["api"]
    v1.subscriptions.cancel(subscription.id)

    assert held({"customer": customer.id}).data == []
    kind = "entitlements.active_entitlement_summary.updated"
    told = v1.events.list({"type": kind}).data[::-1]
    assert [len(event.data.object.entitlements.data) for event in told] == [1, 0]


def test_features_are_found_by_their_key_and_product(shop: Shop) -> None:
    v1 = shop.client.v1
    feature = v1.entitlements.features.create({"name": "API", "lookup_key": "api"})
    v1.products.features.create(shop.product.id, {"entitlement_feature": feature.id})

    (by_key,) = v1.entitlements.features.list({"lookup_key": "api"}).data
    (of_product,) = v1.products.features.list(shop.product.id).data

    assert by_key.id == feature.id
    assert of_product.entitlement_feature.lookup_key == "api"
    assert v1.entitlements.features.list({"lookup_key": "none"}).data == []


@pytest.mark.parametrize("amounts", [[1001, 14, 1], [3, 1_000_000, 1], [1, 1, 1]])
def test_two_amounts_off_are_shared_whole_and_no_line_gives_more_than_it_has(
    amounts: list[int],
) -> None:
    lines: list[dict[str, Any]] = [
        {
            "amount": amount,
            "discountable": True,
            "discounts": [],
            "discount_amounts": [],
            "pricing": None,
            "_proration": False,
        }
        for amount in amounts
    ]
    coupon: Any = {"amount_off": 100, "percent_off": None}

    totals = take_off([("di_1", coupon), ("di_2", coupon)], lines)

    given = [sum(part["amount"] for part in line["discount_amounts"]) for line in lines]
    assert sum(each["amount"] for each in totals) == min(200, sum(amounts))
    assert sum(given) == min(200, sum(amounts))
    assert all(0 <= off <= amount for off, amount in zip(given, amounts, strict=True))
