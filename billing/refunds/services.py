"""Giving money back: ordered by one of staff, by two when it is much, done once."""

from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Sum
from django.db.models.functions import Cast

from accounts.models import Organisation, User
from billing.approvals import permissions as approval_permissions
from billing.approvals import services as approvals
from billing.approvals.exceptions import OwnOrganisation
from billing.approvals.limits import (
    approved_subjects,
    counts_since,
    needs_second_person,
)
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

    What is above the limit, with what ``by`` gave the organisation back before, waits
    for a second person, who is asked. The organisation's row is locked for the sum of
    its invoices, the invoice's so that no more goes back than was paid. Raises
    ``NotRefundable`` or ``OwnOrganisation``.
    """
    if approval_permissions.belongs_to(by, invoice.organisation):
        raise OwnOrganisation
    # The weaker of the two row locks: what is bought meanwhile does not wait.
    payers = Organisation.objects.select_for_update(no_key=True)
    payers.get(pk=invoice.organisation_id)
    rows = Invoice.objects.select_for_update(of=("self",))
    locked = rows.select_related("organisation").get(pk=invoice.pk)
    known = RefundOrder.objects.filter(uuid=key).first()
    if known is not None:
        return known
    if not 0 < amount <= refundable(locked):
        raise NotRefundable
    is_large = needs_second_person(
        Approval.Kind.REFUND,
        amount=amount,
        currency=locked.currency,
        alone=_given_alone(locked, by=by),
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


def _given_alone(invoice: Invoice, *, by: User) -> int:
    """Return what ``by`` ordered back to the payer with nobody else, in minor units."""
    orders = RefundOrder.objects.filter(
        invoice__organisation=invoice.organisation_id,
        invoice__currency=invoice.currency,
        ordered_by=by,
        ordered_at__gte=counts_since(),
        state__in=[State.PENDING, State.DONE],
    ).annotate(subject=Cast("uuid", CharField()))
    approved = approved_subjects(Approval.Kind.REFUND, invoice.organisation_id)
    undecided = orders.exclude(subject__in=approved)
    return int(undecided.aggregate(sum=Sum("amount"))["sum"] or 0)


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
