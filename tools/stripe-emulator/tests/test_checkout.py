"""Checkout sessions over the API: what may be sold, for how much, until when."""

import time
from typing import Any

import httpx
import pytest
import stripe

from shopping import Shop
from stripe_emulator.testing import StripeEmulator

ONCE = {
    "price_data": {
        "currency": "usd",
        "unit_amount": 2500,
        "product_data": {"name": "Credits"},
    },
    "quantity": 1,
}


def sessions(shop: Shop) -> list[Any]:
    return list(shop.client.v1.checkout.sessions.list().data)


def metered(shop: Shop) -> Any:
    meter = shop.client.v1.billing.meters.create(
        {
            "display_name": "Tokens",
            "event_name": "tokens",
            "default_aggregation": {"formula": "sum"},
        }
    )
    return shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount": 1,
            "recurring": {
                "interval": "month",
                "usage_type": "metered",
                "meter": meter.id,
            },
        }
    )


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": "setup"}, "mode"),
        ({"line_items": []}, "line_items"),
        ({"success_url": "shop.test/thanks"}, "success_url"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"cancel_url": "ftp://shop.test"}, "cancel_url"),
        ({"ui_mode": "embedded_page"}, "ui_mode"),
        ({"customer": "cus_none"}, "customer"),
        ({"mode": "payment"}, "line_items[0][price]"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, None),
        ({"line_items": [ONCE]}, "line_items"),
        ({"expires_at": 1_600_000_000}, "expires_at"),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]"),
        ({"shipping_options": [{"shipping_rate": "shr_x"}]}, "shipping_options"),
    ],
)
def test_a_session_that_cannot_be_sold_is_refused(
    shop: Shop, changes: Any, param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(**changes)

    assert refusal.value.param == (param or "line_items[0][price]")
    assert sessions(shop) == []


def test_what_excludes_another_is_refused(shop: Shop) -> None:
    customer = shop.customer()
    coupon = shop.client.v1.coupons.create({"percent_off": 5})

    for changes in (
        {"customer": customer.id, "customer_email": "a@example.test"},
        {"allow_promotion_codes": True, "discounts": [{"coupon": coupon.id}]},
    ):
        with pytest.raises(stripe.InvalidRequestError, match="only specify one of"):
            shop.session(**changes)
    assert sessions(shop) == []


@pytest.mark.parametrize(
    ("minutes", "is_right"), [(29, False), (31, True), (1439, True), (1442, False)]
)
def test_a_session_lives_between_half_an_hour_and_a_day(
    shop: Shop, minutes: int, *, is_right: bool
) -> None:
    until = int(time.time()) + minutes * 60

    if is_right:
        assert shop.session(expires_at=until).expires_at == until
    else:
        with pytest.raises(stripe.InvalidRequestError, match="30 minutes and 24 hours"):
            shop.session(expires_at=until)


def test_usage_is_sold_without_a_quantity(shop: Shop) -> None:
    usage = metered(shop)
    small = {"price": shop.small.id}

    with pytest.raises(stripe.InvalidRequestError, match="Quantity is required"):
        shop.session(line_items=[small])
    with pytest.raises(stripe.InvalidRequestError, match="should not be specified"):
        shop.session(line_items=[{"price": usage.id, "quantity": 1}])
    session = shop.session(line_items=[{**small, "quantity": 1}, {"price": usage.id}])

    assert session.amount_total == 10000


def test_a_session_knows_its_amounts(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10})
    rate = shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "inclusive": False, "percentage": 20}
    )

    session = shop.session(
        line_items=[{"price": shop.small.id, "quantity": 3, "tax_rates": [rate.id]}],
        discounts=[{"coupon": coupon.id}],
        expand=["line_items"],
    )

    details = session.total_details
    assert (session.amount_subtotal, session.amount_total) == (30000, 32400)
    assert (details.amount_discount, details.amount_tax) == (3000, 5400)
    (line,) = session.line_items.data
    assert (line.quantity, line.amount_total, line.description) == (3, 32400, "Team")
    listed = shop.client.v1.checkout.sessions.line_items.list(session.id).data
    assert [one.id for one in listed] == [line.id]


def test_what_the_shop_gave_comes_back(shop: Shop) -> None:
    session = shop.session(
        client_reference_id="order-7", metadata={"a": "1"}, customer_email="a@b.test"
    )

    found = shop.client.v1.checkout.sessions.retrieve(session.id)
    assert (found.client_reference_id, found.metadata["a"]) == ("order-7", "1")
    assert (found.status, found.payment_status, found.mode) == (
        "open",
        "unpaid",
        "subscription",
    )
    assert 'value="a@b.test"' in httpx.get(session.url).text


def test_the_subscription_is_what_the_session_said(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session(
        line_items=[{"price": shop.small.id, "quantity": 4}],
        subscription_data={"metadata": {"team": "red"}, "description": "Four seats"},
    )

    stripe_emulator.pay_checkout(session.url)

    (made,) = shop.client.v1.subscriptions.list().data
    assert (made["items"].data[0].quantity, made.description) == (4, "Four seats")
    assert made.metadata["team"] == "red"
    assert made.default_payment_method is not None
    after = shop.client.v1.checkout.sessions.retrieve(session.id)
    assert (after.subscription, after.invoice) == (made.id, made.latest_invoice)
    assert after.customer_details.email == "buyer@example.test"
    assert after.url is None


def test_a_known_customer_is_the_buyer_and_may_use_the_card_on_file(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    customer = shop.customer("pm_card_mastercard")
    (held,) = shop.client.v1.payment_methods.list({"customer": customer.id}).data
    session = shop.session(customer=customer.id)

    page = httpx.get(session.url).text
    paid = httpx.post(session.url, data={"card": held.id})

    assert "Mastercard •••• 4444" in page
    assert paid.status_code == 303
    (made,) = shop.client.v1.subscriptions.list().data
    assert (made.customer, made.default_payment_method) == (customer.id, held.id)
    assert len(shop.client.v1.customers.list().data) == 1


def test_another_ones_card_pays_nothing(shop: Shop) -> None:
    stranger = shop.customer()
    (held,) = shop.client.v1.payment_methods.list({"customer": stranger.id}).data
    mine = shop.customer(card=None)

    for params in ({"customer": mine.id}, {}):
        session = shop.session(**params)
        refused = httpx.post(session.url, data={"email": "a@b.test", "card": held.id})
        assert refused.status_code == 402
        assert "not on file" in refused.text
    assert shop.client.v1.subscriptions.list().data == []


@pytest.mark.parametrize("email", ["", "   ", "nobody"])
def test_a_buyer_has_an_address(shop: Shop, email: str) -> None:
    session = shop.session()

    refused = httpx.post(session.url, data={"email": email, "card": "success"})

    assert refused.status_code == 400
    assert "Please enter your e-mail address." in refused.text
    assert shop.client.v1.customers.list().data == []


def test_nothing_to_pay_needs_no_card_where_the_shop_says_so(shop: Shop) -> None:
    session = shop.session(
        subscription_data={"trial_period_days": 7},
        payment_method_collection="if_required",
    )

    page = httpx.get(session.url).text
    done = httpx.post(session.url, data={"email": "a@example.test"})

    assert 'name="card"' not in page
    assert done.status_code == 303
    (made,) = shop.client.v1.subscriptions.list().data
    assert (made.status, made.default_payment_method) == ("trialing", None)


def test_a_payment_may_come_with_an_invoice(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [ONCE],
            "invoice_creation": {"enabled": True},
            "success_url": "http://shop.test/",
        }
    )

    stripe_emulator.pay_checkout(session.url)

    after = shop.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["invoice"]}
    )
    assert (after.payment_status, after.invoice.status) == ("paid", "paid")
    assert after.invoice.total == 2500


def test_a_code_is_taken_off_again(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 25})
    shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"}
    )
    session = shop.session(allow_promotion_codes=True)
    retrieve = shop.client.v1.checkout.sessions.retrieve

    httpx.post(f"{session.url}/code", data={"code": " spring "})
    assert retrieve(session.id).amount_total == 7500
    assert "SPRING" in httpx.get(session.url).text
    httpx.post(f"{session.url}/code", data={"remove": "1"})

    assert retrieve(session.id).amount_total == 10000
    assert shop.client.v1.coupons.retrieve(coupon.id).times_redeemed == 0


def test_a_session_without_codes_takes_none(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 25})
    shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"}
    )
    session = shop.session()

    refused = httpx.post(f"{session.url}/code", data={"code": "SPRING"})

    assert refused.status_code == 400
    found = shop.client.v1.checkout.sessions.retrieve(session.id)
    assert found.amount_total == 10000


def test_only_an_open_session_is_ended(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session()
    stripe_emulator.pay_checkout(session.url)

    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        shop.client.v1.checkout.sessions.expire(session.id)

    assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "complete"


def test_sessions_are_listed_by_what_they_are(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    first, second = shop.session(), shop.session()
    stripe_emulator.pay_checkout(first.url, email="ada@example.test")
    paid = shop.client.v1.checkout.sessions.retrieve(first.id)

    def found(**params: Any) -> list[str]:
        return [one.id for one in shop.client.v1.checkout.sessions.list(params).data]

    assert found() == [second.id, first.id]
    assert found(status="open") == [second.id]
    assert found(subscription=paid.subscription) == [first.id]
    assert found(customer=paid.customer) == [first.id]
    assert found(customer_details={"email": "ada@example.test"}) == [first.id]


def test_links_that_lead_nowhere_say_so(stripe_emulator: StripeEmulator) -> None:
    for path in ("c/pay/cs_test_none", "p/session/none", "i/none", "i/none/pdf"):
        for method in ("GET", "POST"):
            if path.endswith("pdf") and method == "POST":
                continue
            answer = httpx.request(method, f"{stripe_emulator.url}/{path}")
            if answer.status_code == 405:
                continue
            assert answer.status_code == 404, path
            assert "EMULATED – no money moves" in answer.text


def test_the_banks_page_leads_back_when_nobody_waits(shop: Shop) -> None:
    session = shop.session()
    bank = f"{session.url}/authenticate"

    for answer in (httpx.get(bank), httpx.post(bank, data={"answer": "complete"})):
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/c/pay/{session.id}"
    assert shop.client.v1.subscriptions.list().data == []


def test_a_session_that_is_over_says_so_on_its_page(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    paid, expired = shop.session(), shop.session()
    stripe_emulator.pay_checkout(paid.url)
    shop.client.v1.checkout.sessions.expire(expired.id)

    done, late = httpx.get(paid.url), httpx.get(expired.url)

    assert (done.status_code, late.status_code) == (200, 410)
    assert "You&#39;re all done here" in done.text
    assert "This checkout has expired" in late.text
    assert 'href="http://127.0.0.1:1/pricing"' in late.text
