"""One price for each of ours at Stripe, whatever is lost on the way or done at once."""

from threading import Barrier
from typing import Any

import pytest

from billing.plans.models import Price
from billing.plans.services import ensure_default_plans
from billing.stripe import products
from billing.stripe.catalogue import sync_plans
from billing.stripe.exceptions import StripeUnavailable
from billing.stripe.models import StripeOperation
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together

PRICES = {"path": "^/v1/prices$", "method": "POST", "status": 500, "after": True}


@pytest.fixture
def empty(stripe_emulator: StripeEmulator, settings: Any, db: None) -> StripeEmulator:
    """An emulator that sells nothing yet, and our plans."""
    settings.STRIPE_SECRET_KEY = stripe_emulator.key
    settings.STRIPE_API_BASE = stripe_emulator.url
    ensure_default_plans()
    return stripe_emulator


def on_sale(shop: StripeEmulator) -> dict[str, str]:
    """Return every price Stripe sells by its lookup key, which none of them lacks."""
    found = list(shop.client().v1.prices.list({"active": True, "limit": 100}).data)
    by_key = {str(price.lookup_key): str(price.id) for price in found}
    assert len(by_key) == len(found)
    assert "None" not in by_key
    return by_key


def ours() -> dict[str, str | None]:
    """Return the ids we know by the lookup keys."""
    return dict(Price.objects.values_list("lookup_key", "stripe_price_id"))


def test_the_same_price_asked_for_twice_is_one(empty: StripeEmulator) -> None:
    wanted: dict[str, Any] = {
        "product_id": products.ensure_product(key="pro", name="Pro"),
        "lookup_key": "pro_month",
        "unit_amount": 2_000,
        "currency": "usd",
        "interval": "month",
        "idempotency_key": "once",
    }
    empty.post_faults(answers=[{**PRICES, "times": 2}])
    for _ in range(2):
        with pytest.raises(StripeUnavailable):
            products.create_price(**wanted)
    empty.post_faults()

    made = products.create_price(**wanted)

    assert on_sale(empty) == {"pro_month": made.id}


def test_a_price_whose_answer_was_lost_is_made_once(empty: StripeEmulator) -> None:
    empty.post_faults(answers=[{**PRICES, "times": 1}])
    with pytest.raises(StripeUnavailable):
        list(sync_plans())
    lost = on_sale(empty)
    assert len(lost) == 1

    list(sync_plans())

    assert on_sale(empty) == ours()
    assert lost.items() <= ours().items()
    assert {done.action for done in sync_plans()} == {"unchanged"}


@pytest.mark.django_db(transaction=True)
def test_two_who_sync_at_once_make_one_price(
    empty: StripeEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier = Barrier(2)
    find_price = products.find_price
    looked: list[str] = []

    def find_and_wait(lookup_key: str) -> Any:
        found = find_price(lookup_key)
        if looked.count(lookup_key) < 2:
            looked.append(lookup_key)
            # Neither makes one before both have found none.
            barrier.wait(timeout=30)
        return found

    first = Price.objects.order_by("plan_version__plan__tier_rank", "interval")[:1]
    Price.objects.exclude(pk__in=[price.pk for price in first]).delete()
    monkeypatch.setattr(products, "find_price", find_and_wait)
    came = together(*[lambda: list(sync_plans())] * 2)

    # Who is told to come back later has done no harm.
    refusals = [type(each) for each in came if isinstance(each, Exception)]
    assert refusals in ([], [StripeUnavailable])
    assert on_sale(empty) == ours()
    assert len(ours()) == 1
    assert StripeOperation.objects.filter(kind="price").count() == 1


def test_a_wrong_price_is_off_sale_though_the_answer_to_the_right_one_is_lost(
    empty: StripeEmulator,
) -> None:
    ensured = products.ensure_product(key="pro", name="Pro")
    pro = Price.objects.get(plan_version__plan__key="pro", interval="month")
    wrong = products.create_price(
        product_id=ensured,
        lookup_key=pro.lookup_key,
        unit_amount=pro.unit_amount + 1,
        currency=pro.currency,
        interval=pro.interval,
        idempotency_key="by-hand",
    )
    for _ in Price.objects.all():
        empty.post_faults(answers=[{**PRICES, "times": 1}])
        with pytest.raises(StripeUnavailable):
            list(sync_plans())
    empty.post_faults()

    list(sync_plans())

    assert on_sale(empty) == ours()
    assert wrong.id not in ours().values()


def test_a_price_that_was_taken_off_sale_by_hand_is_made_anew(
    shop: StripeEmulator,
) -> None:
    before = ours()
    for price_id in before.values():
        products.retire_price(price_id or "")

    assert {done.action for done in sync_plans()} == {"created"}

    assert on_sale(shop) == ours()
    assert not set(before.values()) & set(ours().values())
