"""The operator's console: forms from people, JSON from tests."""

import time
from typing import Any

import httpx
import pytest

from shopping import Shop
from stripe_emulator.testing import StripeEmulator


def post(emulator: StripeEmulator, name: str, **how: Any) -> httpx.Response:
    return httpx.post(f"{emulator.url}/_emulator/{name}", timeout=30, **how)


def test_a_form_leads_back_and_json_is_answered(
    stripe_emulator: StripeEmulator,
) -> None:
    by_form = post(stripe_emulator, "settings", data={"after_retries": "unpaid"})
    by_json = post(stripe_emulator, "settings", json={"after_retries": "past_due"})

    assert by_form.status_code == 303
    assert by_form.headers["location"] == "/_emulator/"
    assert by_json.json() == {"after_retries": "past_due"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("clock", {"days": 0}),
        ("clock", {"days": -1}),
        ("clock", {"days": 367}),
        ("clock", {"days": "NaN"}),
        ("clock", {"days": "many"}),
        ("clock", {"days": None}),
        ("clock", []),
        ("settings", {"after_retries": "forgiven"}),
        ("faults", {"answers": [{"path": "("}]}),
        ("redeliver", {"event": "evt_none"}),
        ("rotate", {"endpoint": "we_none"}),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    shop: Shop, stripe_emulator: StripeEmulator, name: str, values: Any
) -> None:
    before = httpx.get(f"{stripe_emulator.url}/_emulator/faults").json()

    refused = post(stripe_emulator, name, json=values)

    assert refused.status_code in {400, 404}
    assert "error" in refused.json()
    assert httpx.get(f"{stripe_emulator.url}/_emulator/faults").json() == before
    assert shop.client.v1.customers.create({}).created <= time.time() + 1


def test_broken_json_is_refused(stripe_emulator: StripeEmulator) -> None:
    refused = post(
        stripe_emulator,
        "clock",
        content=b"{",
        headers={"content-type": "application/json"},
    )

    assert refused.status_code == 400


def test_another_sites_form_is_refused(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    customer = shop.customer()

    for name in ("reset", "clock", "faults", "rotate", "settings", "endpoints"):
        refused = post(
            stripe_emulator,
            name,
            data={"days": "31"},
            headers={"Sec-Fetch-Site": "cross-site"},
        )
        assert refused.status_code == 403
    assert shop.client.v1.customers.retrieve(customer.id).id == customer.id


def test_the_clock_moves_and_tells_how_much_happened(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    bought = shop.subscribe(shop.customer().id)

    moved = post(stripe_emulator, "clock", data={"days": "32"})
    page = httpx.get(f"{stripe_emulator.url}/_emulator/").text

    assert moved.status_code == 303
    assert "32 days ahead" in page
    invoices = shop.client.v1.invoices.list({"subscription": bought.id}).data
    assert [invoice.status for invoice in invoices] == ["paid", "paid"]


@pytest.mark.parametrize("rule", ["canceled", "unpaid", "past_due"])
def test_after_the_last_retry_a_plan_becomes_what_was_chosen(
    shop: Shop, stripe_emulator: StripeEmulator, rule: str
) -> None:
    customer = shop.customer()
    bought = shop.subscribe(customer.id)
    shop.use_card(customer.id, "pm_card_chargeCustomerFail")
    post(stripe_emulator, "settings", data={"after_retries": rule})

    stripe_emulator.advance(days=50)

    assert shop.client.v1.subscriptions.retrieve(bought.id).status == rule


def test_starting_over_forgets_everything_but_the_way_it_was_started(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    shop.customer()
    stripe_emulator.advance(days=5)
    stripe_emulator.post_faults(deliveries={"drop": True})

    stripe_emulator.reset()

    v1 = shop.client.v1
    assert v1.customers.list().data == v1.events.list().data == []
    assert httpx.get(f"{stripe_emulator.url}/_emulator/faults").json() == {
        "answers": [],
        "deliveries": {},
    }
    assert abs(v1.customers.create({}).created - time.time()) < 5


def test_faults_are_set_by_hand_as_json_in_a_form(
    stripe_emulator: StripeEmulator,
) -> None:
    post(stripe_emulator, "faults", data={"json": '{"deliveries": {"drop": 3}}'})

    page = httpx.get(f"{stripe_emulator.url}/_emulator/").text
    assert "&#34;drop&#34;: 3" in page
    post(stripe_emulator, "faults", data={"json": ""})
    assert stripe_emulator.client().v1.products.list().data == []


def test_the_page_escapes_what_callers_wrote(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    stripe_emulator.register_webhook("http://127.0.0.1:9/<script>", "whsec_x")

    page = httpx.get(f"{stripe_emulator.url}/_emulator/")

    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_an_event_is_sent_again_to_those_who_want_it(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    product = shop.client.v1.products.create({"name": "Tea"})
    event = shop.client.v1.events.list().data[0]
    shop.client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/", "enabled_events": ["customer.created"]}
    )
    assert event.data.object.id == product.id
    assert post(stripe_emulator, "redeliver", json={"event": event.id}).json() == {
        "queued": 0
    }
    stripe_emulator.register_webhook("http://127.0.0.1:9/all", "whsec_x")

    assert post(stripe_emulator, "redeliver", json={"event": event.id}).json() == {
        "queued": 1
    }


def test_a_secret_is_rotated_with_and_without_the_old_one(
    stripe_emulator: StripeEmulator,
) -> None:
    endpoint = stripe_emulator.register_webhook("http://127.0.0.1:9/", "whsec_x")
    values = {"endpoint": endpoint, "secret": "whsec_y", "expire_old": True}

    told = post(stripe_emulator, "rotate", json=values).json()

    assert told == {"endpoint": endpoint, "secret": "whsec_y"}
    assert stripe_emulator.rotate_secret(endpoint).startswith("whsec_")


def test_the_console_speaks_chinese(stripe_emulator: StripeEmulator) -> None:
    page = httpx.get(
        f"{stripe_emulator.url}/_emulator/", headers={"Accept-Language": "zh-CN"}
    ).text

    assert "模拟器控制台" in page
    assert "Emulator console" not in page
