"""Pushing our plans to Stripe. Ours are the originals."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from billing.plans.models import PlanVersion, Price
from billing.stripe import objects, portal, products
from billing.stripe.operations import run_once
from core.money import format_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedPrice:
    """What was done about one price."""

    lookup_key: str
    amount: str
    stripe_id: str
    action: str


def sync_plans() -> Iterator[SyncedPrice]:
    """Make Stripe sell what is on offer; yields one row per price as it goes.

    Idempotent: products are found by their plan, prices by their lookup key. A
    price that is there with another amount is no longer sold, and replaced. Two at
    once make one price: the call that makes it has the key of what is intended.
    """
    versions = PlanVersion.objects.on_offer().select_related("plan")
    is_sold_online = False
    for version in versions.order_by("plan__tier_rank"):
        prices = list(version.prices.order_by("interval"))
        if not prices:
            continue
        product_id = products.ensure_product(
            key=version.plan.key,
            name=version.plan.name,
            product_id=_known_product(version),
        )
        if version.stripe_product_id != product_id:
            version.stripe_product_id = product_id
            version.save(update_fields=["stripe_product_id"])
        for price in prices:
            yield _sync_price(price, product_id=product_id)
        is_sold_online = is_sold_online or version.is_bought_online
    if is_sold_online:
        portal.ensure_portal()


def _known_product(version: PlanVersion) -> str:
    """Return the product's id if Stripe still has it (an emulator may be new)."""
    known = version.stripe_product_id
    return known if known and products.has_product(known) else ""


def _sync_price(price: Price, *, product_id: str) -> SyncedPrice:
    found = products.find_price(price.lookup_key)
    action = "unchanged"
    if found is None or not _is_same(found, price, product_id=product_id):
        action = "created" if found is None else "replaced"
        if found is not None:
            # First, so that a try whose next answer is lost leaves no second price on
            # sale: the new one is found by the lookup key it took over.
            products.retire_price(found.id)
        found = _make_price(price, product_id=product_id)
    if price.stripe_price_id != found.id:
        price.stripe_price_id = found.id
        price.synced_at = timezone.now()
        price.save(update_fields=["stripe_price_id", "synced_at"])
    return SyncedPrice(
        lookup_key=price.lookup_key,
        amount=format_minor(price.unit_amount, price.currency),
        stripe_id=found.id,
        action=action,
    )


def _make_price(price: Price, *, product_id: str) -> objects.Price:
    wanted: dict[str, Any] = {
        "product_id": product_id,
        "lookup_key": price.lookup_key,
        "unit_amount": price.unit_amount,
        "currency": price.currency,
        "interval": price.interval,
    }
    return run_once(
        "price",
        price.lookup_key,
        # After one that was known and is gone it is another intention.
        {**wanted, "after": price.stripe_price_id},
        lambda key: products.create_price(**wanted, idempotency_key=key),
    )


def _is_same(found: objects.Price, price: Price, *, product_id: str) -> bool:
    return (
        found.unit_amount == price.unit_amount
        and found.currency == price.currency
        and found.interval == price.interval
        and found.product_id == product_id
    )
