"""Changing a running subscription: items, prorations, cancelling, resuming."""

import copy
from typing import Any

from stripe_emulator.account import Account, merge_metadata, new_id
from stripe_emulator.engine import invoicing, items, lifecycle
from stripe_emulator.engine.collecting import collect
from stripe_emulator.engine.cycles import boundary
from stripe_emulator.engine.pending import new_invoice_item
from stripe_emulator.engine.subscribing import (
    Params,
    bill,
    new_discounts,
    refuse_past,
)
from stripe_emulator.errors import ApiError
from stripe_emulator.render import plan, public
from stripe_emulator.store import Document

PLAIN = (
    "collection_method",
    "days_until_due",
    "description",
    "default_payment_method",
)


# What a change may consist of that waits for its payment.
PENDABLE = {
    *("items", "proration_behavior", "proration_date", "payment_behavior"),
    *("billing_cycle_anchor", "trial_end", "trial_from_plan", "add_invoice_items"),
}


def update(account: Account, subscription: Document, params: Params) -> Document:
    """Apply an update call; money first moves when the items change."""
    if subscription["status"] in {"canceled", "incomplete_expired"}:
        raise ApiError(
            "A canceled subscription can only update its cancellation_details and "
            "metadata."
        )
    before = account.snapshot(subscription)
    _refuse_scheduled(subscription, params)
    if params.get("payment_behavior") == "pending_if_incomplete" and (
        other := sorted(set(params) - PENDABLE)
    ):
        raise ApiError(
            f"`{other[0]}` cannot be changed with `payment_behavior` set to "
            "`pending_if_incomplete`.",
            param=other[0],
        )
    _apply_plain(account, subscription, params)
    _apply_ending(account, subscription, params)
    refusal = None
    now = account.time_of(subscription)
    reset = params.get("billing_cycle_anchor") == "now" or _ends_trial(
        subscription, params
    )
    if isinstance(params.get("trial_end"), int):
        _move_trial(subscription, params["trial_end"], now)
    account.put(subscription)
    if params.get("items") or reset:
        changed = changed_items(account, subscription, params.get("items") or [])
        refusal = _apply_items(account, subscription, changed, params, reset=reset)
    account.put(subscription)
    account.emit_update("customer.subscription.updated", subscription, before)
    if before["items"] != account.snapshot(subscription)["items"]:
        lifecycle.announce_entitlements(account, subscription["customer"])
    if refusal is not None:
        raise refusal
    return subscription


def _refuse_scheduled(subscription: Document, params: Params) -> None:
    """What a schedule decides is changed there, or after the schedule let go."""
    if not subscription["schedule"]:
        return
    if {"cancel_at", "cancel_at_period_end"} & set(params):
        raise ApiError(
            "The subscription is managed by the subscription schedule "
            f"`{subscription['schedule']}`, and updating any cancelation behavior "
            "directly is not allowed. Please update the schedule instead."
        )
    for name in ("items", "discounts", "default_tax_rates", "trial_end"):
        if name in params:
            raise ApiError(
                f"This emulator does not cover {name} of a subscription that is managed "
                f"by a schedule ({subscription['schedule']}); release it before.",
                param=name,
            )


def _apply_plain(account: Account, subscription: Document, params: Params) -> None:
    merge_metadata(subscription, params.get("metadata"))
    if params.get("default_payment_method"):
        method = account.refer(
            "payment_method", params["default_payment_method"], "default_payment_method"
        )
        if method["customer"] != subscription["customer"]:
            raise ApiError(
                "The customer does not have a payment method with the ID "
                f"{method['id']}. The payment method must be attached to the customer.",
                param="default_payment_method",
            )
    for name in PLAIN:
        if name in params:
            subscription[name] = params[name] or None
    if "automatic_tax" in params:
        subscription["automatic_tax"]["enabled"] = params["automatic_tax"]["enabled"]
    if "trial_settings" in params:
        subscription["trial_settings"] = params["trial_settings"]
    if "pause_collection" in params:
        subscription["pause_collection"] = params["pause_collection"] or None
    if "default_tax_rates" in params:
        subscription["default_tax_rates"] = items.rates(
            account, params["default_tax_rates"], "default_tax_rates"
        )
    if "discounts" in params:
        customer = account.get("customer", subscription["customer"])
        subscription["discounts"] = new_discounts(
            account, customer, subscription, params, None
        )


def _apply_ending(account: Account, subscription: Document, params: Params) -> None:
    now = account.time_of(subscription)
    details = subscription["cancellation_details"]
    given = params.get("cancellation_details") or {}
    for name in ("comment", "feedback"):
        if name in given:
            details[name] = given[name] or None
    refuse_past(now, params)
    if "cancel_at" in params:
        subscription["cancel_at"] = params["cancel_at"] or None
        details["reason"] = "cancellation_requested" if params["cancel_at"] else None
    if "cancel_at_period_end" in params:
        ends = params["cancel_at_period_end"]
        end = subscription["items"]["data"][0]["current_period_end"]
        subscription.update(
            cancel_at_period_end=ends,
            cancel_at=end if ends else None,
            canceled_at=now if ends else None,
        )
        details["reason"] = "cancellation_requested" if ends else None
        if not ends:
            details.update(comment=None, feedback=None)


def _ends_trial(subscription: Document, params: Params) -> bool:
    return params.get("trial_end") == "now" and subscription["status"] == "trialing"


def _move_trial(subscription: Document, trial_end: int, now: int) -> None:
    if trial_end <= now:
        raise ApiError("trial_end must be in the future.", param="trial_end")
    subscription.update(
        trial_end=trial_end,
        trial_start=subscription["trial_start"] or now,
        billing_cycle_anchor=trial_end,
        status="trialing",
        _reminded=None,
    )
    items.set_period(
        subscription["items"]["data"],
        subscription["items"]["data"][0]["current_period_start"],
        trial_end,
    )


def changed_items(
    account: Account,
    subscription: Document,
    entries: list[dict[str, Any]],
    *,
    counted: bool = True,
) -> items.Items:
    """The items as they will be; the subscription itself stays as it is."""
    result: items.Items = copy.deepcopy(subscription["items"]["data"])
    now = account.time_of(subscription)
    for index, entry in enumerate(entries):
        where = f"items[{index}]"
        if "id" not in entry:
            fresh = items.new_item(
                account,
                entry,
                customer=subscription["customer"],
                subscription=subscription["id"],
                where=where,
                created=now,
                counted=counted,
            )
            old = subscription["items"]["data"][0]
            items.set_period(
                [fresh], old["current_period_start"], old["current_period_end"]
            )
            result.append(fresh)
            continue
        found = next((item for item in result if item["id"] == entry["id"]), None)
        if found is None:
            raise ApiError(
                f"No such subscription item: '{entry['id']}'",
                code="resource_missing",
                param=f"{where}[id]",
            )
        if entry.get("deleted"):
            result.remove(found)
            continue
        _change_item(account, found, entry, where)
        items.set_discounts(
            account,
            found,
            entry,
            customer=subscription["customer"],
            at=now,
            where=where,
            counted=counted,
        )
    items.check_together(result)
    return result


def _change_item(
    account: Account, item: dict[str, Any], entry: dict[str, Any], where: str
) -> None:
    items.refuse_uncovered(entry, where)
    if entry.get("tax_rates"):
        raise ApiError(
            "This emulator does not cover other tax rates of an item that is there.",
            param=f"{where}[tax_rates]",
        )
    if "price" in entry or "price_data" in entry:
        is_same = entry.get("price") == item["price"]["id"]
        price = (
            account.get("price", entry["price"])
            if is_same
            else items.recurring_price(account, entry, where)
        )
        item.update(price=public(account.store, price), plan=plan(price))
        if price["recurring"]["usage_type"] == "metered":
            item.pop("quantity", None)
        else:
            item.setdefault("quantity", 1)
    if "quantity" in entry:
        if "quantity" not in item:
            raise ApiError(
                "You cannot set the quantity of a metered price.",
                param=f"{where}[quantity]",
            )
        item["quantity"] = entry["quantity"]
    merge_metadata(item, entry.get("metadata"))


def proration_lines(
    account: Account,
    subscription: Document,
    changed: items.Items,
    at: int,
    *,
    reset: bool,
) -> items.Items:
    """Credits for what changes or goes, charges for what comes."""
    old = {item["id"]: item for item in subscription["items"]["data"]}
    new = {item["id"]: item for item in changed}

    def same(left: dict[str, Any] | None, right: dict[str, Any] | None) -> bool:
        return (
            left is not None
            and right is not None
            and not reset
            and left["price"]["id"] == right["price"]["id"]
            and left.get("quantity") == right.get("quantity")
        )

    credits_ = [
        items.credit_line(account, subscription, item, at)
        for key, item in old.items()
        if "quantity" in item and not same(item, new.get(key))
    ]
    charges = [
        items.charge_line(
            account,
            subscription,
            item,
            at,
            item["current_period_start"],
            item["current_period_end"],
        )
        for key, item in new.items()
        if "quantity" in item and not reset and not same(old.get(key), item)
    ]
    return credits_ + charges


def proration_moment(account: Account, subscription: Document, params: Params) -> int:
    """The second from which the change counts, inside the current period."""
    at = params.get("proration_date") or account.time_of(subscription)
    item = subscription["items"]["data"][0]
    if not item["current_period_start"] <= at <= item["current_period_end"]:
        raise ApiError(
            "proration_date must be within the current billing period.",
            param="proration_date",
        )
    return int(at)


def needs_reset(subscription: Document, changed: items.Items) -> bool:
    """Whether a new interval starts a new period at once."""
    return items.cycle(changed) != items.cycle(subscription["items"]["data"])


def _apply_items(
    account: Account,
    subscription: Document,
    changed: items.Items,
    params: Params,
    *,
    reset: bool,
) -> ApiError | None:
    customer = account.get("customer", subscription["customer"])
    behaviour = params.get("proration_behavior", "create_prorations")
    now = account.time_of(subscription)
    on_trial = subscription["status"] == "trialing"
    ends_trial = _ends_trial(subscription, params)
    reset = reset or (needs_reset(subscription, changed) and not on_trial)
    at = proration_moment(account, subscription, params)
    lines = []
    if behaviour != "none" and not on_trial:
        lines = proration_lines(account, subscription, changed, at, reset=reset)
    previous = copy.deepcopy(subscription["items"]["data"])
    anchor = subscription["billing_cycle_anchor"]
    subscription["items"]["data"] = changed
    if reset:
        end = boundary(now, *items.cycle(changed), 1)
        items.set_period(changed, now, end)
        subscription["billing_cycle_anchor"] = now
        lines += items.cycle_lines(account, subscription, now, end)
    if ends_trial:
        subscription.update(status="active", trial_end=now)
    account.put(subscription)
    if not lines:
        return None
    if behaviour != "always_invoice" and not reset:
        for line in lines:
            _keep_for_later(account, customer, subscription, line)
        return None
    invoice = bill(
        account,
        customer,
        subscription,
        lines,
        reason="subscription_update",
        proration_date=at,
    )
    invoicing.finalize(account, invoice)
    pays = params.get("payment_behavior", "allow_incomplete")
    if invoice["status"] == "paid" or pays == "default_incomplete":
        return None
    if subscription["collection_method"] == "send_invoice":
        return None
    if pays == "pending_if_incomplete":
        invoice["auto_advance"] = False
        subscription["items"]["data"] = previous
        subscription["billing_cycle_anchor"] = anchor
        _hold_back(account, subscription, changed, invoice)
        return None
    refusal = collect(account, invoice)
    return refusal if pays == "error_if_incomplete" else None


def _hold_back(
    account: Account, subscription: Document, changed: items.Items, invoice: Document
) -> None:
    """Apply the change only once its invoice is paid."""
    subscription["_pending"] = {
        "items": changed,
        "invoice": invoice["id"],
        "anchor": changed[0]["current_period_start"]
        if needs_reset(subscription, changed)
        else subscription["billing_cycle_anchor"],
    }
    account.put(subscription)
    if collect(account, invoice) is None:
        return
    subscription["pending_update"] = {
        "billing_cycle_anchor": None,
        "discounts": None,
        "expires_at": account.time_of(subscription) + lifecycle.INCOMPLETE_SECONDS,
        "subscription_items": public_items(changed),
        "trial_end": None,
        "trial_from_plan": None,
    }
    account.put(subscription)


def public_items(changed: items.Items) -> items.Items:
    """A copy that later edits of the originals do not reach."""
    return copy.deepcopy(changed)


def _keep_for_later(
    account: Account, customer: Document, subscription: Document, line: dict[str, Any]
) -> Document:
    item = new_invoice_item(
        account, customer, amount=line["amount"], currency=line["currency"]
    )
    item.update(
        id=new_id("ii"),
        description=line["description"],
        period=line["period"],
        pricing=line["pricing"],
        proration=True,
        quantity=line["quantity"] or 0,
        parent={
            "type": "subscription_details",
            "subscription_details": {
                "subscription": subscription["id"],
                "subscription_item": line["parent"]["subscription_item_details"][
                    "subscription_item"
                ],
            },
        },
        _line=line,
        _subscription=subscription["id"],
    )
    account.put(item)
    account.emit("invoiceitem.created", item)
    return item


def cancel(account: Account, subscription: Document, params: Params) -> Document:
    """End a subscription now, giving the rest back when asked to."""
    if subscription["status"] in {"canceled", "incomplete_expired"}:
        raise ApiError(
            f"No such subscription: '{subscription['id']}'",
            status=404,
            code="resource_missing",
            param="id",
        )
    customer = account.get("customer", subscription["customer"])
    given = params.get("cancellation_details") or {}
    details = subscription["cancellation_details"]
    details.update({key: value or None for key, value in given.items()})
    now = account.time_of(subscription)
    item = subscription["items"]["data"][0]
    lines = []
    if params.get("prorate") and subscription["status"] != "trialing":
        lines = proration_lines(account, subscription, [], now, reset=False)
    if params.get("invoice_now"):
        lines += items.usage_lines(
            account, subscription, item["current_period_start"], now
        )
        invoice = bill(
            account, customer, subscription, lines, reason="subscription_cycle"
        )
        collect(account, invoice)
    else:
        for line in lines:
            _keep_for_later(account, customer, subscription, line)
    lifecycle.end(account, subscription, "cancellation_requested")
    return subscription


def resume(account: Account, subscription: Document, params: Params) -> Document:
    """Bring a paused subscription back, billing a new period from now."""
    if subscription["status"] != "paused":
        raise ApiError("Only paused subscriptions can be resumed.")
    customer = account.get("customer", subscription["customer"])
    now = account.time_of(subscription)
    current = subscription["items"]["data"]
    end = boundary(now, *items.cycle(current), 1)
    items.set_period(current, now, end)
    subscription["billing_cycle_anchor"] = now
    account.put(subscription)
    invoice = bill(
        account,
        customer,
        subscription,
        items.cycle_lines(account, subscription, now, end),
        reason="subscription_update",
    )
    refusal = collect(account, invoice)
    if refusal is not None:
        raise refusal
    lifecycle.change(
        account, subscription, event="customer.subscription.resumed", status="active"
    )
    return subscription
