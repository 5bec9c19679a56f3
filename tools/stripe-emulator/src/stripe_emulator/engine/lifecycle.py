"""What becomes of a subscription when money comes, fails to come, or ends."""

from typing import Any

from stripe_emulator.account import Account
from stripe_emulator.engine import invoicing
from stripe_emulator.store import Document

RETRY_DAYS = (3, 5, 7)
DAY = 86400
INCOMPLETE_SECONDS = 23 * 3600
LIVE = {"trialing", "active", "past_due", "unpaid", "paused", "incomplete"}


def change(
    account: Account,
    subscription: Document,
    *,
    event: str = "customer.subscription.updated",
    **values: Any,
) -> None:
    """Write new values and announce the difference."""
    before = account.snapshot(subscription)
    subscription.update(values)
    account.put(subscription)
    if event == "customer.subscription.updated":
        account.emit_update(event, subscription, before)
    else:
        account.emit(event, subscription)
    if before["status"] != subscription["status"]:
        announce_entitlements(account, subscription["customer"])


def end(account: Account, subscription: Document, reason: str) -> None:
    """Cancel for good; what is still owed stays on its invoice."""
    now = account.time_of(subscription)
    details = {**subscription["cancellation_details"], "reason": reason}
    for invoice in account.scan("invoice", customer=subscription["customer"]):
        if invoice["_subscription"] == subscription["id"] and invoice["auto_advance"]:
            invoice.update(auto_advance=False, next_payment_attempt=None)
            account.put(invoice)
    schedule = account.find("subscription_schedule", subscription["schedule"])
    if schedule is not None:
        schedule.update(status="canceled", current_phase=None, canceled_at=now)
        account.put(schedule)
        account.emit("subscription_schedule.canceled", schedule)
    change(
        account,
        subscription,
        event="customer.subscription.deleted",
        status="canceled",
        ended_at=now,
        canceled_at=subscription["canceled_at"] or now,
        cancellation_details=details,
        pending_update=None,
        schedule=None,
    )


def paid(account: Account, invoice: Document) -> None:
    """An invoice was paid: open what waited for it."""
    subscription = account.find("subscription", invoice["_subscription"])
    if subscription is None:
        return
    pending = subscription.get("_pending")
    if pending and pending["invoice"] == invoice["id"]:
        _apply_pending(account, subscription, pending)
    if subscription["status"] == "incomplete" or (
        subscription["status"] in {"past_due", "unpaid"}
        and not any(
            other["status"] == "open" and other["_subscription"] == subscription["id"]
            for other in account.scan("invoice", customer=subscription["customer"])
        )
    ):
        change(account, subscription, status="active")


def _apply_pending(
    account: Account, subscription: Document, pending: dict[str, Any]
) -> None:
    waited = subscription["pending_update"] is not None
    subscription["items"]["data"] = pending["items"]
    subscription.update(
        billing_cycle_anchor=pending["anchor"], pending_update=None, _pending=None
    )
    account.put(subscription)
    if waited:
        account.emit("customer.subscription.pending_update_applied", subscription)


def drop_pending(account: Account, subscription: Document) -> None:
    """The held-back change was not paid for in time."""
    invoice = account.find("invoice", subscription["_pending"]["invoice"])
    if invoice is not None and invoice["status"] == "open":
        invoicing.close_unpaid(account, invoice, "void")
    change(
        account,
        subscription,
        event="customer.subscription.pending_update_expired",
        pending_update=None,
        _pending=None,
    )


def failed(account: Account, invoice: Document) -> None:
    """A payment failed: plan the next try, or give up by the account's rule."""
    subscription = account.find("subscription", invoice["_subscription"])
    if subscription is None or subscription["status"] in {
        "incomplete",
        "canceled",
        "incomplete_expired",
    }:
        return
    if (subscription.get("_pending") or {}).get("invoice") == invoice["id"]:
        return
    attempts = invoice["attempt_count"]
    if attempts <= len(RETRY_DAYS) and invoice["auto_advance"]:
        now = account.time_of(invoice)
        invoice["next_payment_attempt"] = now + RETRY_DAYS[attempts - 1] * DAY
        account.put(invoice)
        if subscription["status"] in {"active", "trialing"}:
            change(account, subscription, status="past_due")
        return
    invoice["next_payment_attempt"] = None
    account.put(invoice)
    rule = account.store.note("after_retries") or "canceled"
    if rule == "canceled":
        end(account, subscription, "payment_failed")
    else:
        change(account, subscription, status=rule)


def expire_incomplete(account: Account, subscription: Document) -> None:
    """Nobody paid the first invoice within 23 hours."""
    invoice = account.find("invoice", subscription["latest_invoice"])
    if invoice is not None and invoice["status"] == "open":
        invoicing.close_unpaid(account, invoice, "void")
    change(
        account,
        subscription,
        status="incomplete_expired",
        ended_at=account.time_of(subscription),
    )


def announce_entitlements(account: Account, customer: str) -> None:
    """Tell who may use what now, when the catalogue knows features at all."""
    if next(account.scan("product_feature"), None) is None:
        return
    summary: Document = {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": {
            "object": "list",
            "data": active_entitlements(account, customer),
            "has_more": False,
            "url": f"/v1/customer/{customer}/entitlements",
        },
        "livemode": False,
    }
    account.emit("entitlements.active_entitlement_summary.updated", summary)


def active_entitlements(account: Account, customer: str) -> list[Document]:
    """The features of the products a customer's live subscriptions hold."""
    products = {
        item["price"]["product"]
        for subscription in account.scan("subscription", customer=customer)
        if subscription["status"] in {"active", "trialing", "past_due"}
        for item in subscription["items"]["data"]
    }
    features = {
        link["entitlement_feature"]["id"]: link["entitlement_feature"]
        for link in account.scan("product_feature")
        if link["_product"] in products
    }
    return [
        {
            "id": f"ent_{feature['id'].removeprefix('feat_')}{customer[-6:]}",
            "object": "entitlements.active_entitlement",
            "feature": feature["id"],
            "livemode": False,
            "lookup_key": feature["lookup_key"],
        }
        for feature in features.values()
    ]
