"""From the SDK's dictionaries to our values; tolerant of what may be absent."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.stripe.objects import (
    Card,
    Charge,
    CheckoutSession,
    CreditNote,
    Customer,
    Discount,
    Dispute,
    Invoice,
    InvoiceItem,
    InvoiceLine,
    InvoicePayment,
    PaymentMethod,
    Preview,
    PreviewLine,
    Price,
    Refund,
    Scheduled,
    Subscription,
    SubscriptionItem,
)

Raw = Mapping[str, Any]


def moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def required_moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def reference(value: Any) -> str:
    """Return the id of what may be an id, an expanded object or nothing."""
    if isinstance(value, Mapping):
        return str(value.get("id") or "")
    return str(value or "")


def card(method: Any) -> Card | None:
    details = method.get("card") if isinstance(method, Mapping) else None
    if not details:
        return None
    return Card(
        brand=str(details.get("brand") or ""),
        last4=str(details.get("last4") or ""),
        exp_month=details.get("exp_month"),
        exp_year=details.get("exp_year"),
        fingerprint=str(details.get("fingerprint") or ""),
    )


def payment_method(raw: Raw) -> PaymentMethod:
    return PaymentMethod(
        id=raw["id"], customer_id=raw.get("customer") or "", card=card(raw)
    )


def customer(raw: Raw) -> Customer:
    settings = raw.get("invoice_settings") or {}
    return Customer(
        id=raw["id"],
        email=raw.get("email") or "",
        currency=raw.get("currency") or "",
        is_deleted=bool(raw.get("deleted")),
        organisation=(raw.get("metadata") or {}).get("organisation", ""),
        card=card(settings.get("default_payment_method")),
    )


def checkout_session(raw: Raw) -> CheckoutSession:
    return CheckoutSession(
        id=raw["id"],
        url=raw.get("url") or "",
        status=raw.get("status") or "",
        payment_status=raw.get("payment_status") or "",
        customer_id=reference(raw.get("customer")),
        subscription_id=reference(raw.get("subscription")),
        invoice_id=reference(raw.get("invoice")),
        client_reference_id=raw.get("client_reference_id") or "",
        expires_at=required_moment(raw["expires_at"]),
    )


def subscription(raw: Raw) -> Subscription:
    return Subscription(
        id=raw["id"],
        status=raw["status"],
        customer_id=reference(raw["customer"]),
        currency=raw["currency"],
        collection_method=raw["collection_method"],
        items=tuple(_item(item) for item in raw["items"]["data"]),
        started_at=required_moment(raw.get("start_date") or raw["created"]),
        cancel_at_period_end=bool(raw.get("cancel_at_period_end")),
        cancel_at=moment(raw.get("cancel_at")),
        canceled_at=moment(raw.get("canceled_at")),
        ended_at=moment(raw.get("ended_at")),
        trial_end=moment(raw.get("trial_end")),
        latest_invoice_id=reference(raw.get("latest_invoice")),
        changed_at=_changed_at(raw.get("latest_invoice")),
        schedule_id=reference(raw.get("schedule")),
        scheduled=_scheduled(raw.get("schedule")),
        has_pending_update=bool(raw.get("pending_update")),
        card=card(raw.get("default_payment_method")),
        discounts=_discounts(raw),
        metadata=dict(raw.get("metadata") or {}),
        raw={
            **raw,
            "latest_invoice": reference(raw.get("latest_invoice")),
            "schedule": reference(raw.get("schedule")),
        },
    )


def _scheduled(schedule: Any) -> Scheduled | None:
    """Return the phase that follows the one that runs."""
    if not isinstance(schedule, Mapping) or not schedule.get("current_phase"):
        return None
    end = schedule["current_phase"]["end_date"]
    for phase in schedule["phases"]:
        if phase["start_date"] == end and phase["items"]:
            item = phase["items"][0]
            return Scheduled(
                price_id=reference(item["price"]),
                quantity=_quantity(item),
                starts_at=required_moment(end),
            )
    return None


def _preview_line(raw: Raw) -> PreviewLine:
    line = _line(raw)
    kind = "other"
    if (raw.get("parent") or {}).get("type") == "subscription_item_details":
        kind = "period"
    if line.is_proration:
        kind = "unused" if line.amount < 0 else "rest"
    return PreviewLine(description=line.description, amount=line.amount, kind=kind)


def preview(raw: Raw, lines: Sequence[Raw]) -> Preview:
    """Return the invoice a change would make; ``lines`` are all of it."""
    parent = (raw.get("parent") or {}).get("subscription_details") or {}
    return Preview(
        currency=raw["currency"],
        subtotal=raw["subtotal"],
        discount=_sum(raw.get("total_discount_amounts")),
        tax=_sum(raw.get("total_taxes")),
        total=raw["total"],
        amount_due=raw["amount_due"],
        balance=raw.get("starting_balance") or 0,
        lines=tuple(_preview_line(line) for line in lines),
        counts_from=moment(parent.get("subscription_proration_date")),
    )


def _changed_at(newest: Any) -> datetime | None:
    if not isinstance(newest, Mapping):
        return None
    is_change = newest.get("billing_reason") == "subscription_update"
    return moment(newest.get("created")) if is_change else None


def _item(raw: Raw) -> SubscriptionItem:
    return SubscriptionItem(
        id=raw["id"],
        price_id=reference(raw["price"]),
        quantity=_quantity(raw),
        period_start=moment(raw.get("current_period_start")),
        period_end=moment(raw.get("current_period_end")),
        discounts=_discounts(raw),
        **_terms(raw["price"]),
    )


def _quantity(raw: Raw) -> int:
    """Return what is charged for; only what is metered has no quantity."""
    quantity = raw.get("quantity")
    return 1 if quantity is None else int(quantity)


def _terms(price: Any) -> dict[str, Any]:
    if not isinstance(price, Mapping):
        return {}
    recurring = price.get("recurring") or {}
    return {
        "unit_amount": price.get("unit_amount"),
        "product_id": reference(price.get("product")),
        "interval": recurring.get("interval") or "",
        "interval_count": recurring.get("interval_count") or 1,
    }


def _discounts(raw: Raw) -> tuple[Discount, ...]:
    found = (_discount(each) for each in raw.get("discounts") or [])
    return tuple(each for each in found if each)


def _discount(raw: Any) -> Discount | None:
    coupon = (raw.get("source") or {}).get("coupon") if isinstance(raw, Mapping) else {}
    if not isinstance(coupon, Mapping) or not coupon:
        return None
    percent = coupon.get("percent_off")
    return Discount(
        percent=None if percent is None else Decimal(str(percent)),
        amount=coupon.get("amount_off"),
        ends_at=moment(raw.get("end")),
        is_once=coupon.get("duration") == "once",
        id=str(raw.get("id") or ""),
        products=tuple((coupon.get("applies_to") or {}).get("products") or ()),
    )


def paid_for(lines: Sequence[Raw]) -> tuple[str, int] | None:
    """Return the price and quantity an invoice was for.

    Lines of the coming period say it; without them, what was added within one. Usage
    and other amounts beside the plan stand first and have prices of their own.
    """
    found = [_line(line) for line in lines]
    whole = [
        line
        for line, raw in zip(found, lines, strict=True)
        if not line.is_proration
        and (raw.get("parent") or {}).get("type") == "subscription_item_details"
    ]
    added = [line for line in found if line.is_proration and line.amount > 0]
    for line in [*whole, *added[::-1]]:
        if line.price_id:
            return line.price_id, line.quantity
    return None


def invoice(raw: Raw, lines: Sequence[Raw]) -> Invoice:
    """Return an invoice; ``lines`` are all of them, not only the first page."""
    parent = (raw.get("parent") or {}).get("subscription_details") or {}
    turns = raw.get("status_transitions") or {}
    return Invoice(
        id=raw["id"],
        customer_id=reference(raw.get("customer")),
        subscription_id=reference(parent.get("subscription")),
        number=raw.get("number") or "",
        status=raw.get("status") or "",
        billing_reason=raw.get("billing_reason") or "",
        currency=raw["currency"],
        subtotal=raw["subtotal"],
        discount=_sum(raw.get("total_discount_amounts")),
        tax=_sum(raw.get("total_taxes")),
        total=raw["total"],
        amount_due=raw["amount_due"],
        amount_paid=raw["amount_paid"],
        attempt_count=raw.get("attempt_count") or 0,
        issued_at=required_moment(turns.get("finalized_at") or raw["created"]),
        due_at=moment(raw.get("due_date")),
        paid_at=moment(turns.get("paid_at")) if raw.get("status") == "paid" else None,
        next_attempt_at=moment(raw.get("next_payment_attempt")),
        period_start=moment(raw.get("period_start")),
        period_end=moment(raw.get("period_end")),
        hosted_url=raw.get("hosted_invoice_url") or "",
        pdf_url=raw.get("invoice_pdf") or "",
        lines=tuple(_line(line) for line in lines),
        payments=tuple(
            _payment(payment) for payment in (raw.get("payments") or {}).get("data", [])
        ),
        raw=dict(raw),
    )


def _line(raw: Raw) -> InvoiceLine:
    details = (raw.get("pricing") or {}).get("price_details") or {}
    parent = raw.get("parent") or {}
    item = (
        parent.get("subscription_item_details")
        or parent.get("invoice_item_details")
        or {}
    )
    period = raw.get("period") or {}
    return InvoiceLine(
        id=raw["id"],
        amount=raw["amount"],
        description=raw.get("description") or "",
        quantity=_quantity(raw),
        price_id=reference(details.get("price")),
        is_proration=bool(item.get("proration")),
        period_start=moment(period.get("start")),
        period_end=moment(period.get("end")),
    )


def _payment(raw: Raw) -> InvoicePayment:
    turns = raw.get("status_transitions") or {}
    return InvoicePayment(
        id=raw["id"],
        amount=raw.get("amount_paid") or raw.get("amount_requested") or 0,
        status=raw["status"],
        payment_intent_id=reference((raw.get("payment") or {}).get("payment_intent")),
        paid_at=moment(turns.get("paid_at")),
    )


def refund(raw: Raw, *, invoice_id: str) -> Refund:
    return Refund(
        id=raw["id"],
        amount=raw["amount"],
        status=raw.get("status") or "",
        reason=raw.get("reason") or "",
        created_at=required_moment(raw["created"]),
        invoice_id=invoice_id,
    )


def dispute(raw: Raw, *, invoice_id: str) -> Dispute:
    return Dispute(
        id=raw["id"],
        amount=raw["amount"],
        status=raw.get("status") or "",
        reason=raw.get("reason") or "",
        created_at=required_moment(raw["created"]),
        answer_by=moment((raw.get("evidence_details") or {}).get("due_by")),
        invoice_id=invoice_id,
    )


def credit_note(raw: Raw) -> CreditNote:
    refunds = raw.get("refunds") or []
    return CreditNote(
        id=raw["id"],
        outside_amount=raw.get("out_of_band_amount") or 0,
        status=raw.get("status") or "",
        reason=raw.get("reason") or "",
        created_at=required_moment(raw["created"]),
        invoice_id=reference(raw.get("invoice")),
        refund_ids=tuple(reference(each.get("refund")) for each in refunds),
    )


def charge(raw: Raw) -> Charge:
    return Charge(
        id=raw["id"],
        customer_id=reference(raw.get("customer")),
        payment_intent_id=reference(raw.get("payment_intent")),
        amount=raw.get("amount_captured") or 0,
        is_paid=bool(raw.get("paid")),
    )


def invoice_item(raw: Raw) -> InvoiceItem:
    return InvoiceItem(
        id=raw["id"],
        customer_id=reference(raw["customer"]),
        invoice_id=reference(raw.get("invoice")),
        amount=raw["amount"],
        currency=raw["currency"],
        reference=(raw.get("metadata") or {}).get("charge", ""),
    )


def price(raw: Raw) -> Price:
    return Price(
        id=raw["id"],
        product_id=reference(raw["product"]),
        lookup_key=raw.get("lookup_key") or "",
        unit_amount=raw.get("unit_amount"),
        currency=raw["currency"],
        interval=(raw.get("recurring") or {}).get("interval", ""),
        is_active=bool(raw.get("active")),
    )


def _sum(amounts: list[Raw] | None) -> int:
    return sum(entry["amount"] for entry in amounts or [])
