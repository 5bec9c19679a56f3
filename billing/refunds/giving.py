"""Having the provider give money back: once, whatever breaks on the way."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.approvals import services as approvals
from billing.approvals.limits import needs_second_person
from billing.approvals.models import Approval
from billing.ledger.models import Invoice, Payment
from billing.refunds.exceptions import BeingGiven, NotRefundable
from billing.refunds.models import RefundOrder
from billing.stripe import refunds
from billing.stripe.exceptions import StripeRefused
from billing.stripe.locks import database_now
from billing.stripe.operations import run_once
from billing.subscriptions import mirror
from contracts.billing import RefundRefused
from outbox import publish

State = RefundOrder.State
# As long as the job's lease: who takes longer is taken for dead.
DIED_AFTER = timedelta(minutes=2)


def carry_out(order: RefundOrder) -> RefundOrder:
    """Have the provider give the money back, once, and write down that it did.

    Asks again whether a second person is needed: a row in the right state is no proof.
    Raises ``NeedsApproval``, ``BeingGiven`` and what heals by itself.
    """
    is_ours = _claim(order.pk)
    order = RefundOrder.objects.select_related("invoice__organisation").get(pk=order.pk)
    if order.state != State.PENDING:
        return order
    if not is_ours:
        raise BeingGiven
    try:
        return _give(order)
    except Exception:
        # The worker that tries next need not wait for us.
        RefundOrder.objects.filter(pk=order.pk).update(claimed_at=None)
        raise


def _give(order: RefundOrder) -> RefundOrder:
    invoice = order.invoice
    kind = Approval.Kind.REFUND
    # A part of much was asked about, however little it is itself.
    was_asked = Approval.objects.filter(kind=kind, subject=str(order.uuid)).exists()
    if was_asked or needs_second_person(
        kind, amount=order.amount, currency=invoice.currency, alone=0
    ):
        approvals.require_approval(
            kind,
            subject=str(order.uuid),
            organisation_id=invoice.organisation_id,
            amount=order.amount,
        )
    payment = payments_of(invoice).order_by("-amount").first()
    if payment is None:
        return close_order(order, State.REFUSED, answer=str(NotRefundable.message))
    intent, reference = payment.payment_intent_id, str(order.uuid)
    # What others hear of it meanwhile is newer than our answer.
    asked_at = database_now()
    made = refunds.find_refund(intent, order=reference, invoice_id=invoice.stripe_id)
    if made is None:
        try:
            made = run_once(
                "refund",
                reference,
                {"amount": order.amount, "payment": intent},
                lambda key: refunds.create_refund(
                    payment_intent_id=intent,
                    amount=order.amount,
                    invoice_id=invoice.stripe_id,
                    order=reference,
                    idempotency_key=key,
                ),
            )
        except StripeRefused as error:
            return close_order(
                order, State.REFUSED, answer=error.details.get("reason", "")
            )
    mirror.apply_refund(made, fetched_at=asked_at)
    return close_order(order, State.DONE, answer=made.id)


def _claim(pk: int) -> bool:
    now = timezone.now()
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - DIED_AFTER)
    waiting = RefundOrder.objects.filter(free, pk=pk, state=State.PENDING)
    return bool(waiting.update(claimed_at=now))


def payments_of(invoice: Invoice) -> QuerySet[Payment]:
    return Payment.objects.filter(invoice=invoice, status="paid").exclude(
        payment_intent_id=""
    )


@transaction.atomic
def close_order(order: RefundOrder, state: str, *, answer: str) -> RefundOrder:
    claimed = RefundOrder.objects.filter(
        pk=order.pk, state__in=[State.WAITING, State.PENDING]
    ).update(state=state, decided_at=timezone.now(), answer=answer)
    if claimed:
        audit_order(f"refund.{state}", order, by=None)
        if state == State.REFUSED:
            publish(RefundRefused(**fact_of(order)))
    order.refresh_from_db()
    return order


def fact_of(order: RefundOrder) -> dict[str, Any]:
    return {
        "order_id": order.pk,
        "organisation_id": order.invoice.organisation_id,
        "invoice_id": order.invoice_id,
        "amount": order.amount,
        "currency": order.invoice.currency,
    }


def audit_order(action: str, order: RefundOrder, *, by: User | None) -> None:
    audit.record(
        action,
        actor=by,
        organisation=order.invoice.organisation,
        target=str(order.invoice),
        after={
            "amount": order.amount,
            "currency": order.invoice.currency,
            "reason": order.reason,
        },
    )
