"""What is worked out from several rows: sums, firsts and what plans grant."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.models import Organisation
from billing.ledger import checks
from billing.ledger import services as ledger
from billing.ledger.models import Invoice
from billing.subscriptions.entitling import (
    compute_entitlements,
    compute_terms,
    refresh_entitlements,
)
from billing.subscriptions.models import MrrMovement
from billing.subscriptions.movements import (
    record_movements,
    recurring_amount,
    recurring_subscriptions,
)
from billing.subscriptions.reconciliation.comparing import Unlike
from billing.subscriptions.reconciliation.work import BATCH, Difference, Work
from entitlements.models import OrganisationEntitlement
from entitlements.queries import terms_for


def sums(work: Work) -> Iterator[Difference]:
    """Let what is worked out from several rows agree with them."""
    yield from _returned(work)
    yield from _first(work)
    for check in checks.CHECKS:
        for violation in check():
            unlike: Unlike = {violation.rule: (violation.detail, "")}
            yield from work.settle(
                "ledger", violation.subject, unlike, heal=dict, look=unlike.copy
            )


def movements(work: Work) -> Iterator[Difference]:
    """Let the steps of each organisation's monthly revenue lead to what it is now."""
    expected: Counter[tuple[int, str]] = Counter()
    for row in recurring_subscriptions().iterator(chunk_size=BATCH):
        expected[row.organisation_id, row.currency] += recurring_amount(row)
    change = Sum(F("after") - F("before"))
    told = {
        (organisation_id, currency): moved
        for organisation_id, currency, moved in MrrMovement.objects.values_list(
            "organisation_id", "currency"
        ).annotate(moved=change)
    }
    for key in sorted({*expected, *told}):
        ours, theirs = told.get(key, 0), expected[key]
        if ours == theirs:
            continue
        organisation_id, currency = key
        if work.fix:
            with transaction.atomic():
                Organisation.objects.select_for_update().get(pk=organisation_id)
                record_movements(organisation_id, at=timezone.now())
        yield work.repair(
            "revenue", f"organisation {organisation_id}", currency, ours, theirs
        )


def _returned(work: Work) -> Iterator[Difference]:
    touched = Invoice.objects.exclude(refunds=None, amount_refunded=0)
    for invoice in touched.defer("raw"):
        before = _sums_of(invoice)
        with transaction.atomic():
            locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
            ledger.settle_refunds(locked, at=timezone.now())
            after = _sums_of(locked)
            if not work.fix:
                transaction.set_rollback(True)
        for name, value in after.items():
            ours = before.get(name)
            if ours != value:
                yield work.repair("ledger", invoice.stripe_id, name, ours, value)


def _first(work: Work) -> Iterator[Difference]:
    paying = Invoice.objects.filter(paid_at__isnull=False)
    for organisation_id in set(paying.values_list("organisation_id", flat=True)):
        with transaction.atomic():
            Organisation.objects.select_for_update().get(pk=organisation_id)
            is_news = ledger.place_first(organisation_id)
            if not work.fix:
                transaction.set_rollback(True)
        if is_news:
            name = f"organisation {organisation_id}"
            yield work.repair(
                "ledger", name, "is_first", "another", "the one paid first"
            )


def _sums_of(invoice: Invoice) -> dict[str, Any]:
    parts = invoice.refunds.values_list("stripe_id", "revenue", "counted_at")
    return {
        "amount_refunded": invoice.amount_refunded,
        **{f"{stripe_id} revenue": revenue for stripe_id, revenue, _ in parts},
        **{f"{stripe_id} counted": at is not None for stripe_id, _, at in parts},
    }


def entitlements(work: Work) -> Iterator[Difference]:
    """Let what each organisation may do be what its plans grant."""
    for row in OrganisationEntitlement.objects.iterator():
        features, _source = compute_entitlements(row.pk)
        if row.features == features.to_dict() and row.plan == features.plan:
            if terms_for(row.pk) != compute_terms(row.pk):
                # A month may begin without news of Stripe's.
                if work.fix:
                    refresh_entitlements(row.pk)
                yield work.repair(
                    "entitlement", f"organisation {row.pk}", "terms", "", ""
                )
            continue
        if work.fix:
            OrganisationEntitlement.objects.filter(pk=row.pk).update(features={})
            refresh_entitlements(row.pk)
        yield work.repair(
            "entitlement",
            f"organisation {row.pk}",
            "features",
            row.plan,
            features.plan,
        )
