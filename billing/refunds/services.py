"""Giving money back: ordered by one of staff, by two when it is much, done once."""

from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from billing.approvals import permissions as approval_permissions
from billing.approvals import services as approvals
from billing.approvals.exceptions import OwnOrganisation
from billing.approvals.limits import needs_second_person
from billing.approvals.models import Approval
from billing.ledger.models import Invoice
from billing.refunds.exceptions import NotRefundable
from billing.refunds.giving import audit_order, close_order, fact_of, payments_of
from billing.refunds.jobs import REFUND
from billing.refunds.models import RefundOrder
from contracts.billing import RefundOrdered
from jobs.services import enqueue
from outbox import publish

State = RefundOrder.State


def refundable(invoice: Invoice) -> int:
    """Return how much of an invoice can still be ordered back, in minor units."""
    underway = RefundOrder.objects.filter(
        invoice=invoice, state__in=[State.WAITING, State.PENDING]
    )
    ordered = underway.aggregate(sum=Sum("amount"))["sum"] or 0
    paid = payments_of(invoice).aggregate(sum=Sum("amount"))["sum"] or 0
    return max(0, paid - invoice.amount_refunded - ordered)


@transaction.atomic
def order_refund(
    invoice: Invoice, *, amount: int, reason: str, key: UUID, by: User
) -> RefundOrder:
    """Order ``amount`` minor units back; the same ``key`` orders once.

    What is above the limit, with what was ordered of the invoice before, waits for a
    second person, who is asked. The invoice's row is locked, so that two orders are
    together not more than was paid. Raises ``NotRefundable`` or ``OwnOrganisation``.
    """
    if approval_permissions.belongs_to(by, invoice.organisation):
        raise OwnOrganisation
    rows = Invoice.objects.select_for_update(of=("self",))
    locked = rows.select_related("organisation").get(pk=invoice.pk)
    known = RefundOrder.objects.filter(uuid=key).first()
    if known is not None:
        return known
    if not 0 < amount <= refundable(locked):
        raise NotRefundable
    # In parts it is as much as at once.
    before = RefundOrder.objects.filter(invoice=locked).exclude(state=State.REFUSED)
    ordered = before.aggregate(sum=Sum("amount"))["sum"] or 0
    is_large = needs_second_person(
        Approval.Kind.REFUND, amount=ordered + amount, currency=locked.currency
    )
    order = RefundOrder.objects.create(
        uuid=key,
        invoice=locked,
        amount=amount,
        reason=reason.strip(),
        state=State.WAITING if is_large else State.PENDING,
        ordered_by=by,
    )
    if is_large:
        approvals.request_approval(
            Approval.Kind.REFUND,
            subject=str(order.uuid),
            organisation=locked.organisation,
            amount=amount,
            currency=locked.currency,
            details={"order": order.pk, "invoice": str(locked)},
            reason=reason,
            by=by,
        )
    else:
        enqueue(REFUND, order.pk)
    audit_order("refund.ordered", order, by=by)
    publish(RefundOrdered(**fact_of(order), user_id=by.pk))
    return order


@transaction.atomic
def set_approved(order_id: int) -> None:
    """Let an order that a second person approved go on its way."""
    order = RefundOrder.objects.select_for_update().get(pk=order_id)
    if order.state != State.WAITING:
        return
    order.state = State.PENDING
    order.save(update_fields=["state"])
    enqueue(REFUND, order.pk)


@transaction.atomic
def expire_orders() -> int:
    """Refuse orders nobody approved in time or at all; return how many."""
    waiting = RefundOrder.objects.filter(state=State.WAITING)
    over = 0
    for pk, reference in list(waiting.values_list("pk", "uuid")):
        asked = Approval.objects.filter(
            kind=Approval.Kind.REFUND, subject=str(reference)
        )
        last = asked.order_by("-pk").first()
        if last is None or last.state in {
            Approval.State.REJECTED,
            Approval.State.WITHDRAWN,
            Approval.State.EXPIRED,
        }:
            order = RefundOrder.objects.select_related("invoice__organisation").get(
                pk=pk
            )
            close_order(order, State.REFUSED, answer=last.answer if last else "")
            over += 1
    return over
