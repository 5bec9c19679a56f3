"""The hosted pages, used by HTTP alone: no JavaScript is needed."""

from typing import Any

import httpx
import pytest

from shopping import Shop
from stripe_emulator.testing import StripeEmulator


def subscriptions(shop: Shop) -> list[Any]:
    """All subscriptions, ended ones too."""
    return list(shop.client.v1.subscriptions.list({"status": "all"}).data)


def test_paying_returns_to_the_shop_with_the_session(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session()
    page = httpx.get(session.url)

    paid = stripe_emulator.pay_checkout(session.url)

    assert page.status_code == 200
    assert "EMULATED – no money moves" in page.text
    assert "$100.00" in page.text
    assert paid.status_code == 303
    assert paid.headers["location"] == f"http://127.0.0.1:1/back?s={session.id}"
    after = shop.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["subscription", "customer", "invoice"]}
    )
    assert (after.status, after.payment_status) == ("complete", "paid")
    assert after.subscription.status == "active"
    assert after.customer.email == "buyer@example.test"
    assert after.invoice.status == "paid"


@pytest.mark.parametrize(
    "card", ["declined", "4000 0000 0000 0002", "4000000000009995"]
)
def test_a_declined_card_keeps_the_session_open(
    shop: Shop, stripe_emulator: StripeEmulator, card: str
) -> None:
    session = shop.session()

    refused = stripe_emulator.pay_checkout(session.url, card)

    assert refused.status_code == 402
    assert 'role="alert"' in refused.text
    assert 'value="buyer@example.test"' in refused.text
    assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert subscriptions(shop) == []
    assert shop.client.v1.customers.list().data == []
    assert stripe_emulator.pay_checkout(session.url).status_code == 303


@pytest.mark.parametrize("card", ["4242 4242 4242 4241", "4111 1111 1111 1111", ""])
def test_only_published_test_numbers_are_taken(
    shop: Shop, stripe_emulator: StripeEmulator, card: str
) -> None:
    session = shop.session()

    assert stripe_emulator.pay_checkout(session.url, card).status_code == 402
    assert subscriptions(shop) == []


def test_paying_twice_is_a_409_and_buys_once(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session()
    stripe_emulator.pay_checkout(session.url)

    again = stripe_emulator.pay_checkout(session.url)

    assert again.status_code == 409
    assert session.id in again.text
    assert len(subscriptions(shop)) == 1


def test_the_bank_is_asked_before_the_card_is_charged(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session()

    failed = stripe_emulator.pay_checkout(
        session.url, "4000 0025 0000 3155", authenticate=False
    )
    assert (failed.status_code, subscriptions(shop)) == (402, [])
    passed = stripe_emulator.pay_checkout(session.url, "authenticate")

    assert passed.status_code == 303
    assert subscriptions(shop)[0].status == "active"


def test_a_promotion_code_is_applied_on_the_page(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 25, "duration": "once"})
    shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING25"}
    )
    session = shop.session(allow_promotion_codes=True)

    unknown = httpx.post(f"{session.url}/code", data={"code": "AUTUMN"})
    applied = httpx.post(f"{session.url}/code", data={"code": "spring25"})
    stripe_emulator.pay_checkout(session.url)

    assert (unknown.status_code, applied.status_code) == (400, 303)
    after = shop.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["invoice"]}
    )
    assert (after.amount_total, after.total_details.amount_discount) == (7500, 2500)
    assert after.invoice.amount_paid == 7500


def test_a_trial_is_bought_without_a_charge(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session(subscription_data={"trial_period_days": 14})

    stripe_emulator.pay_checkout(session.url)

    after = shop.client.v1.checkout.sessions.retrieve(session.id)
    assert after.payment_status == "no_payment_required"
    assert subscriptions(shop)[0].status == "trialing"
    assert shop.client.v1.charges.list().data == []


def test_a_one_time_payment_leaves_a_payment_intent(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 2500,
                        "product_data": {"name": "Credits"},
                    },
                    "quantity": 2,
                }
            ],
            "success_url": "http://127.0.0.1:1/back",
        }
    )

    stripe_emulator.pay_checkout(session.url)

    after = shop.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent", "line_items"]}
    )
    assert after.payment_intent.amount_received == 5000
    assert after.line_items.data[0].description == "Credits"


def test_an_expired_session_cannot_be_paid(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session()
    shop.client.v1.checkout.sessions.expire(session.id)

    assert stripe_emulator.pay_checkout(session.url).status_code == 410
    assert subscriptions(shop) == []


def test_sessions_expire_by_themselves(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session()

    stripe_emulator.advance(days=1.1)

    assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "expired"


def test_another_sites_form_is_refused(shop: Shop) -> None:
    session = shop.session()

    refused = httpx.post(
        session.url,
        data={"email": "a@example.test", "card": "success"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert refused.status_code == 403
    assert subscriptions(shop) == []


def test_pages_speak_chinese_when_asked(shop: Shop) -> None:
    by_locale = httpx.get(shop.session(locale="zh").url)
    by_browser = httpx.get(
        shop.session().url, headers={"Accept-Language": "zh-CN,zh;q=0.9"}
    )

    assert "今日应付" in by_locale.text
    assert '<html lang="zh-Hans">' in by_browser.text


def test_what_buyers_type_is_escaped(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    session = shop.session()

    page = stripe_emulator.pay_checkout(
        session.url, "declined", email='"><script>alert(1)</script>@x'
    )

    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.fixture
def member(shop: Shop) -> Any:
    """A customer who holds the small plan."""
    customer = shop.customer()
    shop.subscribe(customer.id)
    return customer


def portal(shop: Shop, customer: Any, **params: Any) -> str:
    """A fresh portal link."""
    session = shop.client.v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "http://127.0.0.1:1/", **params}
    )
    return str(session.url)


def test_the_portal_cancels_at_the_period_end_and_resumes(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    link = portal(shop, member)
    plan = subscriptions(shop)[0].id

    assert "Renews on" in httpx.get(link).text
    assert "too expensive" in httpx.get(f"{link}/cancel/{plan}").text
    stripe_emulator.portal_post(
        link, f"cancel/{plan}", feedback="unused", comment="Thanks"
    )
    cancelled = subscriptions(shop)[0]
    assert (cancelled.status, cancelled.cancel_at_period_end) == ("active", True)
    assert cancelled.cancellation_details.to_dict() == {
        "comment": "Thanks",
        "feedback": "unused",
        "reason": "cancellation_requested",
    }
    stripe_emulator.portal_post(link, f"resume/{plan}")

    resumed = subscriptions(shop)[0]
    assert (resumed.cancel_at_period_end, resumed.cancel_at) == (False, None)


def test_the_portal_switches_plans_and_bills_the_difference(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    configuration = shop.client.v1.billing_portal.configurations.create(
        {
            "features": {
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "proration_behavior": "always_invoice",
                    "products": [
                        {
                            "product": shop.product.id,
                            "prices": [shop.small.id, shop.large.id],
                        }
                    ],
                }
            }
        }
    )
    link = portal(shop, member, configuration=configuration.id)
    plan = subscriptions(shop)[0].id

    preview = httpx.get(f"{link}/switch/{plan}", params={"price": shop.large.id})
    switched = stripe_emulator.portal_post(link, f"switch/{plan}", price=shop.large.id)

    assert "Total due today" in preview.text
    assert switched.status_code == 303
    assert subscriptions(shop)[0]["items"].data[0].price.id == shop.large.id
    assert shop.client.v1.invoices.list().data[0].total == pytest.approx(20000, abs=2)


def test_the_portal_takes_a_new_card(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    link = portal(shop, member)

    refused = stripe_emulator.portal_post(link, "card", card="declined")
    taken = stripe_emulator.portal_post(
        link, "card", card="number", number="5555 5555 5555 4444"
    )

    assert (refused.status_code, taken.status_code) == (402, 303)
    chosen = subscriptions(shop)[0].default_payment_method
    assert shop.client.v1.payment_methods.retrieve(chosen).card.last4 == "4444"


def test_a_portal_link_reaches_its_own_customer_only(shop: Shop, member: Any) -> None:
    stranger = shop.customer()
    plan = subscriptions(shop)[0].id

    refused = httpx.post(f"{portal(shop, stranger)}/cancel/{plan}")

    assert refused.status_code == 404
    assert not subscriptions(shop)[0].cancel_at_period_end


def test_a_portal_link_dies_after_an_hour(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    link = portal(shop, member)

    stripe_emulator.advance(days=0.05)

    assert httpx.get(link).status_code == 410


def test_an_open_invoice_is_paid_on_its_own_page(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    customer = shop.customer(card=None)
    subscription = shop.subscribe(
        customer.id, payment_behavior="default_incomplete", expand=["latest_invoice"]
    )
    link = subscription.latest_invoice.hosted_invoice_url

    declined = httpx.post(link, data={"card": "declined"})
    paid = httpx.post(link, data={"card": "success"})
    again = httpx.post(link, data={"card": "success"})

    assert (declined.status_code, paid.status_code, again.status_code) == (
        402,
        303,
        409,
    )
    assert subscriptions(shop)[0].status == "active"
    assert httpx.get(f"{link}/pdf").content.startswith(b"%PDF-1.4")


def test_the_console_shows_what_happened(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    shop.customer()

    page = httpx.get(f"{stripe_emulator.url}/_emulator/")

    assert page.status_code == 200
    assert "customer.created" in page.text
