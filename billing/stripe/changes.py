"""Changing a subscription: what it would cost, making it, ending it.

Asks through the adapter's client, so it may be called inside no transaction either.
Errors are those of ``adapter.translated``.
"""

from dataclasses import dataclass
from typing import Any

from billing.stripe import convert
from billing.stripe.adapter import (
    SUBSCRIPTION_PARTS,
    client,
    read_subscription,
    translated,
)
from billing.stripe.objects import Preview, PromotionCode, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder:
    """What a subscription shall become.

    ``price_id`` is empty where the price stays. ``at`` is the second from which it
    counts; ``promotion_code_id`` comes to the discounts that are there. Those of the
    item itself stay on it.
    """

    subscription_id: str
    item_id: str
    price_id: str
    quantity: int
    discount_ids: tuple[str, ...] = ()
    promotion_code_id: str = ""

    @property
    def item(self) -> dict[str, Any]:
        price = {"price": self.price_id} if self.price_id else {}
        return {"id": self.item_id, "quantity": self.quantity, **price}

    @property
    def discounts(self) -> dict[str, Any]:
        """The parameter, where something comes to what is there."""
        if not self.promotion_code_id:
            return {}
        kept = [{"discount": each} for each in self.discount_ids]
        return {"discounts": [*kept, {"promotion_code": self.promotion_code_id}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """Ids of the discounts that go on, of the subscription and of its one item."""

    of_whole: tuple[str, ...]
    of_item: tuple[str, ...]


def preview_change(wish: ChangeOrder, *, at: int | None) -> Preview:
    """Return the invoice of a change that is made now and counts from ``at``.

    Without ``at`` it counts from now, by Stripe's clock, and the preview says when
    that was.
    """
    details: dict[str, Any] = {
        "items": [wish.item],
        "proration_behavior": "always_invoice",
    }
    if at is not None:
        details["proration_date"] = at
    return _preview(
        {"subscription_details": details, **wish.discounts}, wish.subscription_id
    )


def preview_renewal(wish: ChangeOrder, *, lasting: Lasting | None = None) -> Preview:
    """Return the invoice of the next period, if the change is made when it begins.

    ``lasting`` are the discounts there will still be; another billing period is
    previewed as if it began today, and would count those that end before.
    """
    item, discounts = wish.item, wish.discounts
    if lasting is not None:
        item = {**item, "discounts": _named(lasting.of_item)}
        discounts = {"discounts": _named(lasting.of_whole)}
    details = {"items": [item], "proration_behavior": "none"}
    return _preview(
        {"subscription_details": details, **discounts}, wish.subscription_id
    )


def _named(discount_ids: tuple[str, ...]) -> list[dict[str, str]] | str:
    """Return the parameter that leaves these discounts; empty text takes all off."""
    return [{"discount": each} for each in discount_ids] or ""


def _preview(params: dict[str, Any], subscription_id: str) -> Preview:
    given: Any = {"subscription": subscription_id, **params}
    with translated():
        found = client().v1.invoices.create_preview(given)
        raw = found.to_dict(for_json=True)
    return convert.preview(raw, raw["lines"]["data"])


def change_subscription(
    wish: ChangeOrder, *, at: int | None, idempotency_key: str
) -> Subscription:
    """Change a subscription now and charge what that costs, or do neither.

    A payment that is not made leaves the subscription as it was: the change waits for
    its invoice, and one with a code, which cannot wait, is refused.
    """
    pays = "error_if_incomplete" if wish.promotion_code_id else "pending_if_incomplete"
    params: Any = {
        "items": [wish.item],
        "proration_behavior": "always_invoice",
        "payment_behavior": pays,
        "expand": list(SUBSCRIPTION_PARTS),
        **wish.discounts,
    }
    if at is not None:
        params["proration_date"] = at
    with translated():
        changed = client().v1.subscriptions.update(
            wish.subscription_id, params, {"idempotency_key": idempotency_key}
        )
        return read_subscription(changed.to_dict(for_json=True))


def schedule_change(wish: ChangeOrder, *, idempotency_key: str) -> str:
    """Let a subscription become something else when its period ends; return the id.

    Discounts and tax go on: what a phase does not name would be gone.
    """
    options: Any = {"idempotency_key": f"{idempotency_key}:begin"}
    with translated():
        schedules = client().v1.subscription_schedules
        begun: Any = {"from_subscription": wish.subscription_id}
        raw = schedules.create(begun, options).to_dict(for_json=True)
        running = raw["phases"][0]
        kept: dict[str, Any] = {}
        if rates := running.get("default_tax_rates"):
            kept["default_tax_rates"] = [convert.reference(rate) for rate in rates]
        kept |= _scheduled_discounts(running)
        items = [_scheduled_item(item) for item in running["items"]]
        now = {
            "items": items,
            "start_date": running["start_date"],
            "end_date": running["end_date"],
            **kept,
        }
        price_id = wish.price_id or items[0]["price"]
        item = {**items[0], "price": price_id, "quantity": wish.quantity}
        then = {"items": [item], **kept}
        params: Any = {
            "phases": [now, {**then, "proration_behavior": "none"}],
            "end_behavior": "release",
        }
        options = {"idempotency_key": f"{idempotency_key}:phases"}
        schedules.update(raw["id"], params, options)
        return str(raw["id"])


def _scheduled_item(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "price": convert.reference(item["price"]),
        "quantity": item["quantity"],
        **_scheduled_discounts(item),
    }


def _scheduled_discounts(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the parameter that keeps the discounts of a phase or of an item of it."""
    given = entry.get("discounts") or []
    ids = tuple(convert.reference(each["discount"]) for each in given)
    return {"discounts": _named(ids)} if ids else {}


def release_schedule(schedule_id: str) -> None:
    """Let a subscription go on as it is. What is over already is no failure."""
    with translated():
        schedules = client().v1.subscription_schedules
        found = schedules.retrieve(schedule_id)
        if found.status in {"active", "not_started"}:
            schedules.release(schedule_id)


def set_ending(
    subscription_id: str, *, ends: bool, feedback: str = "", comment: str = ""
) -> Subscription:
    """Let a subscription end with its period, or go on after all."""
    params: Any = {
        "cancel_at_period_end": ends,
        "expand": list(SUBSCRIPTION_PARTS),
    }
    if ends:
        params["cancellation_details"] = {
            name: value
            for name, value in (("feedback", feedback), ("comment", comment))
            if value
        }
    with translated():
        found = client().v1.subscriptions.update(subscription_id, params)
        return read_subscription(found.to_dict(for_json=True))


def find_promotion_code(code: str) -> PromotionCode | None:
    """Return the active code a buyer typed."""
    params: Any = {"code": code, "active": True, "limit": 1}
    with translated():
        found = client().v1.promotion_codes.list(params).to_dict(for_json=True)["data"]
    if not found:
        return None
    return PromotionCode(id=found[0]["id"], code=found[0]["code"])
