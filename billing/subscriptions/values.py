"""What our rows have to hold, worked out from what Stripe has.

The mirror writes these values and the reconciliation compares them, so nothing can
be kept that is not also compared.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from billing.ledger.records import (
    InvoiceRecord,
    LineRecord,
    PaymentRecord,
    RefundRecord,
)
from billing.plans.grace import GRACE
from billing.plans.models import Price
from billing.stripe import objects
from billing.subscriptions.models import TERMINAL, Subscription

Prices = dict[str, Price]


def prices_of(*subscriptions: objects.Subscription) -> Prices:
    """Return our prices that the subscriptions name, by Stripe's id. One query."""
    ids = {item.price_id for each in subscriptions for item in each.items}
    ids |= {each.scheduled.price_id for each in subscriptions if each.scheduled}
    ids |= {each.paid_for[0] for each in subscriptions if each.paid_for}
    found = Price.objects.select_related("plan_version__plan")
    return found.in_bulk(sorted(ids), field_name="stripe_price_id")


def subscription_values(
    fetched: objects.Subscription,
    *,
    known: Subscription | None,
    prices: Prices,
    fetched_at: datetime,
) -> dict[str, Any]:
    """Return the columns of a subscription that Stripe decides."""
    price, item = _plan_item(fetched, known, prices)
    is_overdue = fetched.status == Subscription.Status.PAST_DUE
    failed_at = None
    if is_overdue:
        failed_at = (known.first_failed_at if known else None) or fetched_at
    seats = item.quantity if item else 1
    paid_price, paid_seats = price, seats
    if is_overdue:
        # An upgrade that was not paid is not given; what was paid for goes on.
        stripe_id, paid_seats = fetched.paid_for or ("", 0)
        paid_price = prices.get(stripe_id)
        if paid_price is None and known is not None and not fetched.paid_for:
            paid_price, paid_seats = known.paid_price, known.paid_seats
    return {
        "status": fetched.status,
        "price_id": price.pk if price else None,
        "seats": seats,
        "paid_price_id": paid_price.pk if paid_price else None,
        "paid_seats": paid_seats,
        **_amounts(fetched, item),
        "currency": fetched.currency,
        "collection_method": fetched.collection_method,
        "started_at": fetched.started_at,
        "period_start": item.period_start if item else None,
        "period_end": item.period_end if item else None,
        "trial_end": fetched.trial_end,
        "cancel_at_period_end": fetched.cancel_at_period_end,
        "cancel_at": fetched.cancel_at,
        "canceled_at": fetched.canceled_at,
        "ended_at": fetched.ended_at,
        **_next_values(fetched, prices),
        "first_failed_at": failed_at,
        "grace_until": failed_at + GRACE if failed_at else None,
        "missing_at": None,
    }


def _next_values(fetched: objects.Subscription, prices: Prices) -> dict[str, Any]:
    following = fetched.scheduled
    price = prices.get(following.price_id) if following else None
    return {
        "next_price_id": price.pk if price else None,
        "next_seats": following.quantity if following else 0,
        "next_at": following.starts_at if following else None,
        "schedule_id": fetched.schedule_id,
        "has_pending_update": fetched.has_pending_update,
    }


def item_values(item: objects.SubscriptionItem, prices: Prices) -> dict[str, Any]:
    """Return the columns of one item."""
    price = prices.get(item.price_id)
    return {
        "stripe_price_id": item.price_id,
        "price_id": price.pk if price else None,
        "quantity": item.quantity,
        "period_start": item.period_start,
        "period_end": item.period_end,
    }


def card_values(card: objects.Card | None) -> dict[str, Any]:
    """Return the columns that say which card pays; empty when none does."""
    return {
        "card_brand": card.brand if card else "",
        "card_last4": card.last4 if card else "",
        "card_fingerprint": card.fingerprint if card else "",
        "card_exp_month": card.exp_month if card else None,
        "card_exp_year": card.exp_year if card else None,
    }


def invoice_record(fetched: objects.Invoice) -> InvoiceRecord:
    """Return what the ledger is told about an invoice."""
    return InvoiceRecord(
        stripe_id=fetched.id,
        subscription_stripe_id=fetched.subscription_id,
        number=fetched.number,
        status=fetched.status,
        billing_reason=fetched.billing_reason,
        currency=fetched.currency,
        subtotal=fetched.subtotal,
        discount=fetched.discount,
        tax=fetched.tax,
        total=fetched.total,
        amount_due=fetched.amount_due,
        amount_paid=fetched.amount_paid,
        attempt_count=fetched.attempt_count,
        issued_at=fetched.issued_at,
        due_at=fetched.due_at,
        paid_at=fetched.paid_at,
        next_attempt_at=fetched.next_attempt_at,
        period_start=fetched.period_start,
        period_end=fetched.period_end,
        hosted_url=fetched.hosted_url,
        pdf_url=fetched.pdf_url,
        lines=tuple(
            LineRecord(
                stripe_id=line.id,
                amount=line.amount,
                description=line.description,
                quantity=line.quantity,
                stripe_price_id=line.price_id,
                is_proration=line.is_proration,
                period_start=line.period_start,
                period_end=line.period_end,
            )
            for line in fetched.lines
        ),
        payments=tuple(
            PaymentRecord(
                stripe_id=payment.id,
                amount=payment.amount,
                status=payment.status,
                payment_intent_id=payment.payment_intent_id,
                paid_at=payment.paid_at,
            )
            for payment in fetched.payments
        ),
        raw=fetched.raw,
    )


def refund_record(
    fetched: objects.Refund | objects.Dispute | objects.CreditNote,
) -> RefundRecord:
    """Return what the ledger is told about money that went back, or may.

    Of a credit note only what was given back elsewhere: what went back to the card
    is a refund by itself, and what became credit has not left.
    """
    common: dict[str, Any] = {
        "stripe_id": fetched.id,
        "status": fetched.status,
        "reason": fetched.reason,
        "refunded_at": fetched.created_at,
    }
    if isinstance(fetched, objects.CreditNote):
        return RefundRecord(kind="credit_note", amount=fetched.outside_amount, **common)
    if isinstance(fetched, objects.Dispute):
        return RefundRecord(
            kind="dispute",
            amount=fetched.amount,
            answer_by=fetched.answer_by,
            **common,
        )
    return RefundRecord(amount=fetched.amount, **common)


def _plan_item(
    fetched: objects.Subscription, known: Subscription | None, prices: Prices
) -> tuple[Price | None, objects.SubscriptionItem | None]:
    """Return our price the subscription pays, the highest plan's if several."""
    bearing = [item for item in fetched.items if item.price_id in prices]
    bearing.sort(key=lambda item: prices[item.price_id].plan_version.plan.tier_rank)
    if bearing:
        return prices[bearing[-1].price_id], bearing[-1]
    # What has ended keeps the plan it was for.
    ended = fetched.status in TERMINAL
    return (known.price if known and ended else None), (
        fetched.items[0] if fetched.items else None
    )


def _amounts(
    fetched: objects.Subscription, item: objects.SubscriptionItem | None
) -> dict[str, Any]:
    """Return what one period costs by Stripe's own prices, and what comes off it.

    Only what goes on comes off: a coupon for one invoice is no lower price. An item's
    own discounts come off first, those of the subscription off what they leave.
    """
    units = [each.unit_amount for each in fetched.items]
    if any(unit is None for unit in units):
        amount, rest = None, 0
    else:
        end = item.period_end if item else None
        whole = [
            _Line(each.product_id, (each.unit_amount or 0) * each.quantity)
            for each in fetched.items
        ]
        left = [
            _come_off(each.discounts, [line], end=end)[0]
            for each, line in zip(fetched.items, whole, strict=True)
        ]
        amount = sum(line.amount for line in whole)
        rest = sum(line.amount for line in _come_off(fetched.discounts, left, end=end))
    return {
        "amount": amount,
        "discount": (amount or 0) - rest,
        "interval": item.interval if item else "",
        "interval_count": item.interval_count if item else 1,
    }


class _Line(NamedTuple):
    product: str
    amount: int


def _come_off(
    discounts: Sequence[objects.Discount],
    lines: list[_Line],
    *,
    end: datetime | None,
) -> list[_Line]:
    """Return what is left of an invoice's lines after the period that ends at ``end``.

    Stripe takes one discount after the other, and rounds on each line.
    """
    for discount in discounts:
        goes_on = discount.ends_at is None or (end and discount.ends_at > end)
        if goes_on and not discount.is_once:
            shares = _shares(discount, lines)
            lines = [
                line._replace(amount=line.amount - off)
                for line, off in zip(lines, shares, strict=True)
            ]
    return lines


def _shares(discount: objects.Discount, lines: list[_Line]) -> list[int]:
    """Return what a discount takes off each line; an amount is shared out whole.

    One that is for some products takes nothing off the others.
    """
    only = discount.products
    amounts = [line.amount if not only or line.product in only else 0 for line in lines]
    if discount.percent is not None:
        exact = [amount * discount.percent / 100 for amount in amounts]
        return [int(each.quantize(Decimal(1), ROUND_HALF_UP)) for each in exact]
    total = sum(amounts)
    off = min(total, discount.amount or 0)
    if not total:
        return [0 for _ in amounts]
    reached = [off * part // total for part in accumulate(amounts)]
    return [after - before for before, after in pairwise([0, *reached])]
