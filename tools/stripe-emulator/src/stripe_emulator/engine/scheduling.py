"""Subscription schedules: what a subscription becomes when its period ends."""

from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine import items, lifecycle
from stripe_emulator.engine.cycles import boundary
from stripe_emulator.engine.discounts import redeem, resolve
from stripe_emulator.errors import ApiError
from stripe_emulator.render import plan, public
from stripe_emulator.store import Document

Params = dict[str, Any]
# What a phase may say here; the rest is refused by name.
PHASE = {
    *("items", "start_date", "end_date", "duration", "proration_behavior"),
    *("discounts", "default_tax_rates", "metadata"),
}
ITEM = {"price", "quantity", "tax_rates", "metadata", "discounts"}


def from_subscription(account: Account, subscription: Document) -> Document:
    """A schedule whose one phase is the period that runs."""
    if subscription["schedule"]:
        raise ApiError(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"{subscription['schedule']}.",
            param="from_subscription",
        )
    if subscription["status"] not in {"active", "past_due"}:
        raise ApiError(
            "This emulator covers schedules of active subscriptions.",
            param="from_subscription",
        )
    if subscription["cancel_at"]:
        raise ApiError(
            "This emulator covers schedules of subscriptions that go on.",
            param="from_subscription",
        )
    current = subscription["items"]["data"]
    start, end = current[0]["current_period_start"], current[0]["current_period_end"]
    running = {
        **_phase(account, subscription, start, end),
        "items": [_item(item) for item in current],
        "discounts": _running(subscription["discounts"]),
        "default_tax_rates": list(subscription["default_tax_rates"]),
    }
    schedule: Document = {
        "id": new_id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": subscription["billing_mode"],
        "canceled_at": None,
        "completed_at": None,
        "created": account.time_of(subscription),
        "current_phase": {"start_date": start, "end_date": end},
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": subscription["automatic_tax"],
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": subscription["collection_method"],
            "default_payment_method": subscription["default_payment_method"],
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None,
                "days_until_due": subscription["days_until_due"],
                "issuer": {"type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": None,
        "phases": [running],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }
    account.put(schedule)
    account.emit("subscription_schedule.created", schedule)
    lifecycle.change(account, subscription, schedule=schedule["id"])
    return schedule


def set_phases(account: Account, schedule: Document, entries: list[Params]) -> None:
    """Replace the phases; the one that runs has to stay as it is."""
    subscription = account.get("subscription", schedule["subscription"])
    running = schedule["current_phase"]
    phases: list[dict[str, Any]] = []
    start = entries[0].get("start_date")
    if start != running["start_date"]:
        raise ApiError(
            "The first phase has to begin when the current one did.",
            param="phases[0][start_date]",
        )
    for number, entry in enumerate(entries):
        where = f"phases[{number}]"
        phases.append(_new_phase(account, subscription, entry, start, where))
        start = phases[-1]["end_date"]
    first = phases[0]
    current = [_item(item) for item in subscription["items"]["data"]]
    same = [(item["price"], item["quantity"]) for item in first["items"]] == [
        (item["price"], item["quantity"]) for item in current
    ]
    if not same or first["end_date"] != running["end_date"]:
        raise ApiError(
            "This emulator does not cover changing the phase that runs, nor phases "
            "that end within a billing period.",
            param="phases[0]",
        )
    schedule["phases"] = phases


def _new_phase(
    account: Account, subscription: Document, entry: Params, start: int, where: str
) -> dict[str, Any]:
    for name in sorted(set(entry) - PHASE):
        raise ApiError(
            f"This emulator does not cover {name}.", param=f"{where}[{name}]"
        )
    if entry.get("start_date", start) != start:
        raise ApiError(
            "Phases have to follow one another.", param=f"{where}[start_date]"
        )
    chosen = [
        _chosen_item(account, item, f"{where}[items][{index}]")
        for index, item in enumerate(entry["items"])
    ]
    recurring = account.get("price", chosen[0]["price"])["recurring"]
    cycle = (recurring["interval"], recurring["interval_count"])
    length = entry.get("duration")
    if length is not None:
        cycle = (length["interval"], length.get("interval_count", 1))
    end = entry.get("end_date") or boundary(start, *cycle, 1)
    if end <= start:
        raise ApiError("A phase has to end later.", param=f"{where}[end_date]")
    return {
        **_phase(account, subscription, start, int(end)),
        "items": chosen,
        "discounts": _wanted(entry),
        "default_tax_rates": items.rates(
            account, entry.get("default_tax_rates") or [], where
        ),
        "metadata": entry.get("metadata") or {},
        "proration_behavior": entry.get("proration_behavior", "create_prorations"),
    }


def _chosen_item(account: Account, entry: Params, where: str) -> dict[str, Any]:
    for name in sorted(set(entry) - ITEM):
        raise ApiError(
            f"This emulator does not cover {name}.", param=f"{where}[{name}]"
        )
    price = account.refer("price", entry.get("price", ""), f"{where}[price]")
    return {
        "billing_thresholds": None,
        "discounts": _wanted(entry),
        "metadata": entry.get("metadata") or {},
        "plan": price["id"],
        "price": price["id"],
        "quantity": entry.get("quantity", 1),
        "tax_rates": items.rates(account, entry.get("tax_rates") or [], where),
    }


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "billing_thresholds": None,
        "discounts": _running(item["discounts"]),
        "metadata": item["metadata"],
        "plan": item["price"]["id"],
        "price": item["price"]["id"],
        "quantity": item.get("quantity"),
        "tax_rates": item["tax_rates"],
    }


def _running(discounts: list[str]) -> list[dict[str, str | None]]:
    """Discounts that are there, as a phase shows them."""
    return [
        {"coupon": None, "discount": name, "promotion_code": None} for name in discounts
    ]


def _wanted(entry: Params) -> list[dict[str, str | None]]:
    """Discounts a phase or an item of it is to have, new ones and old."""
    return [
        {"coupon": None, "discount": None, "promotion_code": None, **one}
        for one in entry.get("discounts") or []
    ]


def _phase(
    account: Account, subscription: Document, start: int, end: int
) -> dict[str, Any]:
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": subscription["currency"],
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": [],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "create_prorations",
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }


def leave(account: Account, schedule: Document, status: str) -> Document:
    """End a schedule: let its subscription go on alone, or give it up."""
    if schedule["status"] != "active":
        raise ApiError(
            f"You cannot do this to a schedule that is {schedule['status']}."
        )
    now = account.time_of(schedule)
    subscription = account.find("subscription", schedule["subscription"])
    moment = "released_at" if status == "released" else "canceled_at"
    schedule.update(status=status, current_phase=None, **{moment: now})
    if status == "released":
        schedule.update(
            released_subscription=schedule["subscription"], subscription=None
        )
    account.put(schedule)
    account.emit(f"subscription_schedule.{status}", schedule)
    if subscription is not None:
        lifecycle.change(account, subscription, schedule=None)
    return schedule


def enter_next(account: Account, subscription: Document, at: int) -> None:
    """At the end of a period, let the subscription be what the next phase says.

    After the last phase the schedule is over, and cancels or lets go.
    """
    schedule = account.find("subscription_schedule", subscription["schedule"])
    if schedule is None or schedule["current_phase"]["end_date"] > at:
        return
    following = next(
        (phase for phase in schedule["phases"] if phase["start_date"] == at), None
    )
    if following is None:
        leave(account, schedule, "released")
        return
    before = items.cycle(subscription["items"]["data"])
    _apply(account, subscription, following)
    if items.cycle(subscription["items"]["data"]) != before:
        subscription["billing_cycle_anchor"] = at
    schedule["current_phase"] = {"start_date": at, "end_date": following["end_date"]}
    account.put(schedule)
    account.put(subscription)
    account.emit("subscription_schedule.updated", schedule)


def _apply(account: Account, subscription: Document, phase: dict[str, Any]) -> None:
    """Items, discounts and tax of a phase; what it does not name is gone."""
    old = {item["price"]["id"]: item for item in subscription["items"]["data"]}
    now = subscription["items"]["data"][0]
    fresh = []
    for entry in phase["items"]:
        known = old.get(entry["price"])
        if known is None:
            price = account.get("price", entry["price"])
            known = {
                **now,
                "id": new_id("si", 14),
                "price": public(account.store, price),
                "plan": plan(price),
                "metadata": entry["metadata"],
                "discounts": [],
            }
            items.point_to(account, known)
        if entry["quantity"] is not None:
            known["quantity"] = entry["quantity"]
        known["tax_rates"] = entry["tax_rates"]
        known["discounts"] = _redeemed(
            account, subscription, entry["discounts"], item=known["id"]
        )
        fresh.append(known)
    subscription["items"]["data"] = fresh
    subscription["discounts"] = _redeemed(account, subscription, phase["discounts"])
    subscription["default_tax_rates"] = phase["default_tax_rates"]
    subscription["metadata"] = {**subscription["metadata"], **phase["metadata"]}


def _redeemed(
    account: Account,
    subscription: Document,
    wanted: list[dict[str, Any]],
    *,
    item: str | None = None,
) -> list[str]:
    """The discounts a phase that begins gives to all of it, or to one item."""
    kept = [one["discount"] for one in wanted if one["discount"]]
    new = [
        {name: one[name] for name in ("coupon", "promotion_code") if one[name]}
        for one in wanted
        if not one["discount"]
    ]
    for coupon, code in resolve(account, new):
        discount = redeem(
            account,
            coupon,
            code,
            start=account.time_of(subscription),
            customer=subscription["customer"],
            subscription=subscription["id"],
            item=item,
        )
        kept.append(discount["id"])
    return [name for name in kept if account.find("discount", name) is not None]
