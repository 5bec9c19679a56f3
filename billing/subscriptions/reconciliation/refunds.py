"""What went back: refunds, disputes and credit notes."""

from collections.abc import Iterable, Iterator
from functools import partial

from billing.ledger.models import Invoice, Refund
from billing.stripe import adapter, lists, objects
from billing.subscriptions import mirror, values
from billing.subscriptions.reconciliation.comparing import Unlike, unlike_refund
from billing.subscriptions.reconciliation.work import Difference, Work, batches

Return = objects.Refund | objects.Dispute | objects.CreditNote


def refunds(work: Work) -> Iterator[Difference]:
    """Compare everything that went back."""
    theirs: list[Return] = [
        *lists.refunds(work.invoice_of),
        *lists.disputes(work.invoice_of),
        *lists.credit_notes(),
    ]
    work.compared += len(theirs)
    yield from _renamed(work, theirs)
    gone = Refund.objects.exclude(stripe_id__in=[each.id for each in theirs])
    # Nothing is fetched: one that Stripe does not list is for a person.
    yield from work.vanished("refund", gone, lambda _stripe_id: None)
    rows = Refund.objects.select_related("invoice")
    invoices = set(Invoice.objects.values_list("stripe_id", flat=True))
    paid = set(Invoice.objects.paid().values_list("stripe_id", flat=True))
    for some in batches(theirs):
        ours = rows.in_bulk([each.id for each in some], field_name="stripe_id")
        for each in some:
            # A note on what was not paid lowers what is owed; nothing goes back.
            is_note = isinstance(each, objects.CreditNote)
            if each.invoice_id not in (paid if is_note else invoices):
                continue

            def look(each: Return = each) -> Unlike:
                fresh = _fetched_again(each)
                return unlike_refund(fresh, rows.filter(stripe_id=each.id).first())

            yield from work.settle(
                "refund",
                each.id,
                unlike_refund(each, ours.get(each.id)),
                heal=partial(_sync, each),
                look=look,
            )


def _renamed(work: Work, theirs: Iterable[Return]) -> Iterator[Difference]:
    """Know what went back, with an id Stripe does not know, by amount and time."""
    known = {each.id for each in theirs}
    ours = set(Refund.objects.values_list("stripe_id", flat=True))
    for each in theirs if work.fix else ():
        if each.id in ours:
            continue
        record = values.refund_record(each)
        lost = Refund.objects.filter(
            kind=record.kind,
            amount=record.amount,
            refunded_at=record.refunded_at,
            invoice__stripe_id=each.invoice_id,
        ).exclude(stripe_id__in=known)
        before = lost.values_list("stripe_id", flat=True).first()
        if before is not None:
            yield from work.rename("refund", Refund.objects.all(), before, each.id)


def _fetched_again(listed: Return) -> Return:
    """Return what was listed as it is now."""
    if isinstance(listed, objects.Dispute):
        return adapter.fetch_dispute(listed.id)
    if isinstance(listed, objects.CreditNote):
        return adapter.fetch_credit_note(listed.id)
    return adapter.fetch_refund(listed.id)


def _sync(listed: Return) -> None:
    """Bring our copy up to what it is now: the list may be minutes old."""
    if isinstance(listed, objects.Dispute):
        mirror.sync_dispute(listed.id)
    elif isinstance(listed, objects.CreditNote):
        mirror.sync_credit_note(listed.id)
    else:
        mirror.sync_refund(listed.id)
