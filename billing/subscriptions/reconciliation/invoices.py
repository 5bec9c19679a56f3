"""What was invoiced, and what cards were charged for it."""

from collections.abc import Iterable, Iterator
from functools import partial

from accounts.models import Organisation
from billing.ledger.models import Invoice, Payment
from billing.stripe import adapter, lists, objects
from billing.stripe.locks import database_now
from billing.subscriptions import mirror
from billing.subscriptions.customers import organisation_of
from billing.subscriptions.reconciliation.comparing import (
    Unlike,
    unlike_charge,
    unlike_invoice,
)
from billing.subscriptions.reconciliation.work import Difference, Work, batches


def invoices(work: Work) -> Iterator[Difference]:
    """Compare every invoice of every status with its lines and payments."""
    theirs = list(lists.invoices())
    work.compared += len(theirs)
    for each in theirs:
        for payment in each.payments:
            work.invoice_of[payment.payment_intent_id] = each.id
    yield from _renamed(work, theirs)
    gone = Invoice.objects.exclude(stripe_id__in=[each.id for each in theirs])
    # A void one was a draft that was thrown away; nothing was ever owed on it.
    gone = gone.exclude(status=Invoice.Status.VOID, paid_at=None)
    yield from work.vanished("invoice", gone, mirror.sync_invoice)
    rows = Invoice.objects.prefetch_related("lines", "payments").defer("raw")
    for some in batches(theirs):
        ours = rows.in_bulk([each.id for each in some], field_name="stripe_id")
        for each in some:
            payer = organisation_of(each.customer_id)
            if payer is None:
                continue

            def look(
                each: objects.Invoice = each, payer: Organisation = payer
            ) -> Unlike:
                fresh = adapter.fetch_invoice(each.id)
                row = rows.filter(stripe_id=each.id).first()
                return unlike_invoice(fresh, row, organisation_id=payer.pk)

            yield from work.settle(
                "invoice",
                each.id,
                unlike_invoice(each, ours.get(each.id), organisation_id=payer.pk),
                heal=partial(mirror.sync_invoice, each.id),
                look=look,
                organisation_id=payer.pk,
            )


def _renamed(work: Work, theirs: Iterable[objects.Invoice]) -> Iterator[Difference]:
    """Know an invoice whose id Stripe does not know by its number."""
    ids = {each.number: each.id for each in theirs if each.number}
    known = [each.id for each in theirs]
    lost = Invoice.objects.filter(number__in=ids).exclude(stripe_id__in=known)
    found = list(lost.values_list("stripe_id", "number"))
    for before, number in found if work.fix else ():
        if not Invoice.objects.filter(stripe_id=ids[number]).exists():
            yield from work.rename(
                "invoice", Invoice.objects.all(), before, ids[number]
            )


def charges(work: Work) -> Iterator[Difference]:
    """Compare what cards were charged with what we booked for it.

    What was booked after the list was asked for is not on it.
    """
    asked_at = database_now()
    booked: dict[str, list[Payment]] = {}
    for payment in Payment.objects.exclude(payment_intent_id=""):
        booked.setdefault(payment.payment_intent_id, []).append(payment)
    charged = set()
    for charge in lists.charges():
        work.compared += 1
        payer = organisation_of(charge.customer_id)
        if not charge.is_paid or payer is None:
            continue
        intent = charge.payment_intent_id
        charged.add(intent)

        def look(charge: objects.Charge = charge) -> Unlike:
            paid = Payment.objects.filter(payment_intent_id=charge.payment_intent_id)
            return unlike_charge(charge, paid)

        def heal(invoice_id: str = work.invoice_of.get(intent, "")) -> None:
            if invoice_id:
                mirror.sync_invoice(invoice_id)

        yield from work.settle(
            "charge",
            charge.id,
            unlike_charge(charge, booked.get(intent, ())),
            heal=heal,
            look=look,
            organisation_id=payer.pk,
        )
    paid = Payment.objects.filter(status="paid").exclude(payment_intent_id="")
    paid = paid.exclude(invoice__fetched_at__gte=asked_at)
    for payment in paid.exclude(payment_intent_id__in=charged):
        never: Unlike = {"amount": (payment.amount, "never charged")}
        yield from work.settle(
            "charge", payment.payment_intent_id, never, heal=dict, look=never.copy
        )
