"""Time passing: the next thing due, done, until nothing is due."""

from stripe_emulator.account import Account
from stripe_emulator.engine import invoicing, items, lifecycle, scheduling
from stripe_emulator.engine.collecting import collect, default_method
from stripe_emulator.engine.cycles import next_boundary
from stripe_emulator.engine.subscribing import bill, running_discounts
from stripe_emulator.store import Document

REMINDER_SECONDS = 3 * lifecycle.DAY
UPCOMING_SECONDS = 7 * lifecycle.DAY
MAX_STEPS = 20_000


def due_at(document: Document) -> int | None:
    """When something next happens to ``document`` by itself."""
    kind = document["object"]
    if kind == "subscription":
        return _subscription_due(document)
    if kind == "invoice":
        return _invoice_due(document)
    if kind == "checkout.session" and document["status"] == "open":
        return int(document["expires_at"])
    return None


def _subscription_due(subscription: Document) -> int | None:
    status = subscription["status"]
    if status == "incomplete":
        return int(subscription["created"]) + lifecycle.INCOMPLETE_SECONDS
    if status in {"canceled", "incomplete_expired", "paused"}:
        return None
    period_end = subscription["items"]["data"][0]["current_period_end"]
    moments = [period_end]
    if subscription["cancel_at"]:
        moments.append(subscription["cancel_at"])
    if subscription["pending_update"]:
        moments.append(subscription["pending_update"]["expires_at"])
    if status == "trialing":
        moments.append(subscription["trial_end"])
        if not subscription.get("_reminded"):
            moments.append(subscription["trial_end"] - REMINDER_SECONDS)
    elif _announces_upcoming(subscription):
        moments.append(period_end - UPCOMING_SECONDS)
    return int(min(moments))


def _announces_upcoming(subscription: Document) -> bool:
    item = subscription["items"]["data"][0]
    start, end = item["current_period_start"], item["current_period_end"]
    return (
        subscription.get("_upcoming") != end
        and end - start > UPCOMING_SECONDS
        and not subscription["cancel_at_period_end"]
    )


def _invoice_due(invoice: Document) -> int | None:
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        moment = invoice["automatically_finalizes_at"]
        return None if moment is None else int(moment)
    if invoice["status"] != "open":
        return None
    if invoice["next_payment_attempt"]:
        return int(invoice["next_payment_attempt"])
    if invoice["due_date"] and not invoice.get("_overdue"):
        return int(invoice["due_date"])
    return None


def run_until(account: Account, clock: str, until: int) -> int:
    """Do everything due on ``clock`` up to ``until``, in order; returns how many.

    Each step stands at its own moment, so a machine that slept for a week, or a
    test clock advanced by a year, sees the same history as one that watched.
    """
    for step in range(MAX_STEPS):
        found = account.store.next_due(clock)
        if found is None or found[2] > until:
            return step
        kind, identifier, moment = found
        with account.store.transaction():
            _stand_at(account, clock, moment)
            try:
                document = account.get(kind, identifier)
                _act(account, document, moment)
                account.put(document)
            finally:
                if not clock:
                    account.stand_at(None)
    raise RuntimeError(f"Time on {clock or 'the account'} does not move on.")


def _stand_at(account: Account, clock: str, moment: int) -> None:
    if not clock:
        account.stand_at(moment)
        return
    ruler = account.get("test_helpers.test_clock", clock)
    ruler["frozen_time"] = max(ruler["frozen_time"], moment)
    account.put(ruler)


def _act(account: Account, document: Document, moment: int) -> None:
    kind = document["object"]
    if kind == "subscription":
        _act_on_subscription(account, document, moment)
    elif kind == "invoice":
        _act_on_invoice(account, document)
    else:
        document.update(status="expired", url=None)
        account.put(document)
        account.emit("checkout.session.expired", document)


def _act_on_invoice(account: Account, invoice: Document) -> None:
    if invoice["status"] == "draft" or invoice["next_payment_attempt"]:
        if invoice["collection_method"] == "send_invoice":
            invoicing.finalize(account, invoice)
            if invoice["status"] == "open":
                account.emit("invoice.sent", invoice)
        else:
            collect(account, invoice)
        return
    invoice["_overdue"] = True
    account.put(invoice)
    account.emit("invoice.overdue", invoice)
    subscription = account.find("subscription", invoice["_subscription"])
    if subscription is not None and subscription["status"] == "active":
        lifecycle.change(account, subscription, status="past_due")


def _act_on_subscription(account: Account, subscription: Document, moment: int) -> None:
    status = subscription["status"]
    pending = subscription["pending_update"]
    period_end = subscription["items"]["data"][0]["current_period_end"]
    if status == "incomplete":
        lifecycle.expire_incomplete(account, subscription)
    elif pending and pending["expires_at"] <= moment:
        lifecycle.drop_pending(account, subscription)
    elif subscription["cancel_at"] and subscription["cancel_at"] <= moment:
        _finish(account, subscription, moment)
    elif status == "trialing" and subscription["trial_end"] <= moment:
        _end_trial(account, subscription)
    elif status == "trialing" and not subscription.get("_reminded"):
        subscription["_reminded"] = True
        account.emit("customer.subscription.trial_will_end", subscription)
    elif period_end <= moment:
        _renew(account, subscription)
    else:
        subscription["_upcoming"] = period_end
        _announce_upcoming(account, subscription)


def _announce_upcoming(account: Account, subscription: Document) -> None:
    customer = account.get("customer", subscription["customer"])
    invoice = upcoming(account, customer, subscription)
    account.emit("invoice.upcoming", {**invoice, "id": None})


def upcoming(account: Account, customer: Document, subscription: Document) -> Document:
    """The next renewal's invoice as it looks today, not stored."""
    current = subscription["items"]["data"]
    start = current[0]["current_period_end"]
    end = next_boundary(
        subscription["billing_cycle_anchor"], *items.cycle(current), start
    )
    waiting = [
        item["_line"]
        for item in account.scan("invoiceitem", customer=customer["id"])
        if item["invoice"] is None
        and item["_subscription"] in {None, subscription["id"]}
    ]
    used = items.usage_lines(
        account, subscription, current[0]["current_period_start"], start
    )
    return invoicing.new_invoice(
        account,
        customer,
        lines=waiting + used + items.cycle_lines(account, subscription, start, end),
        currency=subscription["currency"],
        reason="upcoming",
        subscription=subscription,
        applied=running_discounts(account, subscription, start),
        discounts_at=start,
        starts_at=current[0]["current_period_start"],
        ends_at=start,
        preview=True,
    )


def _finish(account: Account, subscription: Document, moment: int) -> None:
    """The asked-for end has come; metered usage is still billed."""
    customer = account.get("customer", subscription["customer"])
    start = subscription["items"]["data"][0]["current_period_start"]
    lines = items.usage_lines(account, subscription, start, moment)
    if lines:
        invoice = bill(
            account, customer, subscription, lines, reason="subscription_cycle"
        )
        collect(account, invoice)
    lifecycle.end(account, subscription, "cancellation_requested")


def _end_trial(account: Account, subscription: Document) -> None:
    customer = account.get("customer", subscription["customer"])
    on_card = subscription["collection_method"] == "charge_automatically"
    if on_card and default_method(account, customer, subscription) is None:
        behaviour = subscription["trial_settings"]["end_behavior"]
        rule = behaviour["missing_payment_method"]
        if rule == "pause":
            lifecycle.change(
                account,
                subscription,
                event="customer.subscription.paused",
                status="paused",
            )
            return
        if rule == "cancel":
            lifecycle.end(account, subscription, "payment_failed")
            return
    _renew(account, subscription)


def _renew(account: Account, subscription: Document) -> None:
    """Begin the next period and draft its invoice; it is charged an hour later."""
    customer = account.get("customer", subscription["customer"])
    current = subscription["items"]["data"]
    last, start = current[0]["current_period_start"], current[0]["current_period_end"]
    before = account.snapshot(subscription)
    used = items.usage_lines(account, subscription, last, start)
    scheduling.enter_next(account, subscription, start)
    current = subscription["items"]["data"]
    end = next_boundary(
        subscription["billing_cycle_anchor"], *items.cycle(current), start
    )
    items.set_period(current, start, end)
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    account.put(subscription)
    invoice = bill(
        account,
        customer,
        subscription,
        used + items.cycle_lines(account, subscription, start, end),
        reason="subscription_cycle",
    )
    invoice.update(period_start=last, period_end=start)
    invoice["automatically_finalizes_at"] = (
        account.time_of(invoice) + invoicing.DRAFT_SECONDS
    )
    if subscription["status"] == "unpaid":
        invoice.update(auto_advance=False, automatically_finalizes_at=None)
    account.put(invoice)
    account.emit_update("customer.subscription.updated", subscription, before)
