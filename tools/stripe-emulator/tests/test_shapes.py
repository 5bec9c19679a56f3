"""Answers checked against the SDK's own annotations."""

import time
from typing import Any

import httpx
import pytest

from sdk_shapes import problems
from shopping import Shop
from stripe_emulator.testing import StripeEmulator


def fetch(emulator: StripeEmulator, path: str) -> Any:
    """The raw JSON behind a path."""
    response = httpx.get(
        f"{emulator.url}{path}", headers={"Authorization": f"Bearer {emulator.key}"}
    )
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture
def busy_account(shop: Shop, stripe_emulator: StripeEmulator) -> Shop:
    """An account in which one of everything has happened."""
    v1 = shop.client.v1
    rate = v1.tax_rates.create(
        {"display_name": "VAT", "inclusive": False, "percentage": 13}
    )
    coupon = v1.coupons.create({"percent_off": 10, "duration": "forever"})
    v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    feature = v1.entitlements.features.create({"name": "API", "lookup_key": "api"})
    v1.products.features.create(shop.product.id, {"entitlement_feature": feature.id})
    v1.billing.meters.create(
        {
            "display_name": "Tokens",
            "event_name": "tokens",
            "default_aggregation": {"formula": "sum"},
        }
    )
    customer = shop.customer()
    shop.subscribe(
        customer.id, default_tax_rates=[rate.id], discounts=[{"coupon": coupon.id}]
    )
    subscription = v1.subscriptions.list().data[0]
    v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": subscription["items"].data[0].id, "quantity": 2}]},
    )
    stripe_emulator.pay_checkout(shop.session().url)
    shop.session()
    v1.refunds.create({"charge": v1.charges.list().data[-1].id, "amount": 100})
    disputed = shop.customer("pm_card_createDispute")
    shop.subscribe(disputed.id)
    paid = v1.invoices.list({"customer": customer.id}).data[0]
    v1.credit_notes.create(
        {"invoice": paid.id, "amount": 200, "refund_amount": 50, "credit_amount": 150}
    )
    v1.billing_portal.sessions.create({"customer": customer.id})
    v1.test_helpers.test_clocks.create({"frozen_time": int(time.time())})
    v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/", "enabled_events": ["payout.paid"]}
    )
    return shop


@pytest.mark.parametrize(
    "path",
    [
        "/v1/billing/meters",
        "/v1/billing_portal/configurations",
        "/v1/charges?expand[]=data.refunds",
        "/v1/checkout/sessions?expand[]=data.line_items",
        "/v1/coupons",
        "/v1/credit_notes",
        "/v1/customers?expand[]=data.subscriptions",
        "/v1/disputes",
        "/v1/entitlements/features",
        "/v1/events?limit=100",
        "/v1/invoice_payments",
        "/v1/invoiceitems",
        "/v1/invoices?expand[]=data.payments&expand[]=data.discounts",
        "/v1/payment_intents",
        "/v1/prices",
        "/v1/products",
        "/v1/promotion_codes",
        "/v1/refunds",
        "/v1/subscriptions?expand[]=data.latest_invoice",
        "/v1/tax_rates",
        "/v1/test_helpers/test_clocks",
        "/v1/webhook_endpoints",
    ],
)
def test_every_required_field_is_there(
    busy_account: Shop, stripe_emulator: StripeEmulator, path: str
) -> None:
    page = fetch(stripe_emulator, path)

    assert page["data"]
    assert problems(page) == []


def test_periods_sit_on_items_and_invoices_have_parents(
    busy_account: Shop, stripe_emulator: StripeEmulator
) -> None:
    subscription = fetch(stripe_emulator, "/v1/subscriptions")["data"][0]
    invoice = fetch(stripe_emulator, "/v1/invoices")["data"][0]

    assert "current_period_end" not in subscription
    assert "current_period_end" in subscription["items"]["data"][0]
    assert subscription["billing_mode"]["type"] == "flexible"
    assert {"paid", "subscription", "payment_intent", "tax"} & set(invoice) == set()
    parent = invoice["parent"]["subscription_details"]
    assert parent["subscription"].startswith("sub_")
    assert [key for key in invoice if key.startswith("_")] == []


def test_active_entitlements_follow_the_plan(
    busy_account: Shop, stripe_emulator: StripeEmulator
) -> None:
    customer = busy_account.client.v1.subscriptions.list().data[0].customer

    page = fetch(
        stripe_emulator,
        f"/v1/entitlements/active_entitlements?customer={customer}",
    )

    assert [entry["lookup_key"] for entry in page["data"]] == ["api"]
    assert problems(page) == []
