"""Comparing everything Stripe has with everything we have, and putting it right.

Every object, not the latest ones: a look back is as long as an outage is short.
What differs is fetched again, a webhook that never came is worked through as if it
had; what stays different is put before staff as a case and not told twice.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organisation
from billing.ledger import checks
from billing.ledger import services as ledger
from billing.ledger.models import Invoice, Payment, Refund
from billing.stripe import adapter, objects
from billing.stripe import services as inbox
from billing.stripe.events import reason_to_let_go
from billing.stripe.exceptions import NotOurs, StripeError
from billing.stripe.models import WebhookInbox
from billing.stripe.webhooks import parse_event
from billing.subscriptions import cases, comparing, mirror, values
from billing.subscriptions.customers import forget_customer, organisation_of
from billing.subscriptions.entitling import compute_entitlements, refresh_entitlements
from billing.subscriptions.models import (
    BillingAccount,
    Case,
    Reconciliation,
    Subscription,
)
from entitlements.models import OrganisationEntitlement

T = TypeVar("T")

_LOCK = 0x57811
# So long Stripe keeps its events, and so far the first comparison looks.
EVENT_AGE = timedelta(days=30)
# Clocks differ, and an event is listed a moment after it happened.
OVERLAP = timedelta(hours=1)
# Rows that are looked up at once.
BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that was not as Stripe has it."""

    scope: str
    object_id: str
    field: str
    ours: str
    theirs: str
    is_fixed: bool


@contextmanager
def exclusively() -> Iterator[bool]:
    """Hold the one place there is for a reconciliation; yields whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def run(*, since: datetime | None = None, fix: bool = True) -> Iterator[Difference]:
    """Yield every difference that is news; everything of every age is compared.

    Events are listed from where the last complete run began, or since ``since``.
    With ``fix`` what differs is put right, or put before staff.
    """
    last = Reconciliation.objects.exclude(finished_at=None).order_by("-started_at")
    earliest = timezone.now() - EVENT_AGE
    begun = since or max(
        (each.started_at - OVERLAP for each in last[:1]), default=earliest
    )
    work = _Work(fix=fix)
    run_row = Reconciliation.objects.create() if fix else None
    found = fixed = 0
    for difference in work.everything(max(begun, earliest)):
        found += 1
        fixed += difference.is_fixed
        yield difference
    if run_row is not None:
        run_row.finished_at = timezone.now()
        run_row.compared, run_row.found, run_row.fixed = work.compared, found, fixed
        run_row.save()


@dataclass(slots=True)
class _Work:
    """One run: what it may do, and what it has learned on its way."""

    fix: bool
    compared: int = 0
    # The card of each customer's live subscription, where it has one of its own.
    cards: dict[str, objects.Card] = field(default_factory=dict)
    # Invoices by the payment intent that pays them.
    invoice_of: dict[str, str] = field(default_factory=dict)

    def everything(self, since: datetime) -> Iterator[Difference]:
        yield from self.events(since)
        yield from self.customers()
        yield from self.subscriptions()
        yield from self.invoices()
        yield from self.refunds()
        yield from self.charges()
        yield from self.sums()
        yield from self.entitlements()

    def events(self, since: datetime) -> Iterator[Difference]:
        """Work through the webhooks that never came."""
        for raw in adapter.events_since(int(since.timestamp())):
            try:
                event = parse_event(raw, body=json.dumps(raw))
            except (ValueError, KeyError, TypeError):
                continue
            is_known = WebhookInbox.objects.filter(event_id=event.id).exists()
            if is_known or reason_to_let_go(event.type):
                continue
            if self.fix:
                inbox.receive_event(event)
            yield Difference(
                scope="event",
                object_id=event.id,
                field=event.type,
                ours="missing",
                theirs="sent",
                is_fixed=self.fix,
            )

    def customers(self) -> Iterator[Difference]:
        """Forget customers Stripe has forgotten; cards come with the subscriptions."""
        theirs = {each.id: each for each in adapter.customers()}
        self.compared += len(theirs)
        ours = BillingAccount.objects.exclude(stripe_customer_id=None)
        for account in ours.exclude(stripe_customer_id__in=theirs):
            customer_id = account.stripe_customer_id or ""
            yield from self.settle(
                "customer",
                customer_id,
                {"stripe_customer_id": (customer_id, "deleted")},
                heal=lambda gone=customer_id: forget_customer(gone),  # type: ignore[misc]
                look=dict,
                organisation_id=account.pk,
            )
        for customer in theirs.values():
            yield from self._stranger(customer)

    def _stranger(self, customer: objects.Customer) -> Iterator[Difference]:
        """A customer that names one of our organisations has to be the one we know."""
        if not customer.organisation or organisation_of(customer.id):
            return
        named = Organisation.objects.filter(public_id=customer.organisation).first()
        if named is None:
            return

        def look() -> comparing.Unlike:
            known = BillingAccount.objects.filter(pk=named.pk).first()
            ours = known.stripe_customer_id if known else None
            is_known = organisation_of(customer.id) is not None
            return {} if is_known else {"stripe_customer_id": (ours, customer.id)}

        def adopt() -> None:
            BillingAccount.objects.get_or_create(pk=named.pk)
            free = BillingAccount.objects.filter(pk=named.pk, stripe_customer_id=None)
            free.update(stripe_customer_id=customer.id)

        yield from self.settle(
            "customer",
            customer.id,
            look(),
            heal=adopt,
            look=look,
            organisation_id=named.pk,
        )

    def subscriptions(self) -> Iterator[Difference]:
        """Compare every subscription, ended ones too, and which card pays."""
        theirs = list(adapter.subscriptions())
        self.compared += len(theirs)
        rows = Subscription.objects.select_related(
            "price__plan_version__plan", "paid_price__plan_version__plan"
        ).prefetch_related("items")
        yield from self._vanished(Subscription, theirs, mirror.sync_subscription)
        for some in _batches(theirs, BATCH):
            prices = values.prices_of(*some)
            ours = rows.in_bulk([each.id for each in some], field_name="stripe_id")
            for each in some:
                if organisation_of(each.customer_id) is None and each.id not in ours:
                    continue
                if each.card and each.status not in {"canceled", "incomplete_expired"}:
                    self.cards[each.customer_id] = each.card

                def look(each: objects.Subscription = each) -> comparing.Unlike:
                    row = rows.filter(stripe_id=each.id).first()
                    return comparing.unlike_subscription(
                        each, row, values.prices_of(each)
                    )

                yield from self.settle(
                    "subscription",
                    each.id,
                    comparing.unlike_subscription(each, ours.get(each.id), prices),
                    heal=lambda stripe_id=each.id: mirror.sync_subscription(stripe_id),  # type: ignore[misc]
                    look=look,
                )
        yield from self._duplicates()
        yield from self._cards()

    def _duplicates(self) -> Iterator[Difference]:
        """Of several live plans exactly one counts, and staff know of the others."""
        live = Subscription.objects.live().with_plan().defer("raw")
        by_organisation: dict[int, list[Subscription]] = {}
        for row in live.order_by("organisation", "is_duplicate", "pk"):
            by_organisation.setdefault(row.organisation_id, []).append(row)
        for organisation_id, rows in by_organisation.items():
            for number, row in enumerate(rows):
                if row.is_duplicate == bool(number):
                    continue
                if self.fix:
                    with transaction.atomic():
                        Organisation.objects.select_for_update().get(pk=organisation_id)
                        mirror.settle_duplicates(organisation_id)
                yield Difference(
                    scope="subscription",
                    object_id=row.stripe_id,
                    field="is_duplicate",
                    ours=str(row.is_duplicate),
                    theirs=str(bool(number)),
                    is_fixed=self.fix,
                )

    def _cards(self) -> Iterator[Difference]:
        for customer in adapter.customers():
            accounts = BillingAccount.objects.filter(stripe_customer_id=customer.id)
            account = accounts.first()
            if account is None:
                continue
            card = self.cards.get(customer.id) or customer.card
            yield from self.settle(
                "customer",
                customer.id,
                comparing.unlike_card(card, account),
                heal=lambda accounts=accounts, card=card: accounts.update(  # type: ignore[misc]
                    **values.card_values(card)
                ),
                look=lambda accounts=accounts, card=card: comparing.unlike_card(  # type: ignore[misc]
                    card, accounts.get()
                ),
                organisation_id=account.pk,
            )

    def invoices(self) -> Iterator[Difference]:
        """Compare every invoice of every status with its lines and payments."""
        theirs = list(adapter.invoices())
        self.compared += len(theirs)
        for each in theirs:
            for payment in each.payments:
                self.invoice_of[payment.payment_intent_id] = each.id
        self._rename_invoices(theirs)
        yield from self._vanished(Invoice, theirs, mirror.sync_invoice)
        rows = Invoice.objects.prefetch_related("lines", "payments").defer("raw")
        for some in _batches(theirs, BATCH):
            ours = rows.in_bulk([each.id for each in some], field_name="stripe_id")
            for each in some:
                payer = organisation_of(each.customer_id)
                if payer is None:
                    continue

                def look(
                    each: objects.Invoice = each, payer: Organisation = payer
                ) -> comparing.Unlike:
                    row = rows.filter(stripe_id=each.id).first()
                    return comparing.unlike_invoice(each, row, organisation_id=payer.pk)

                yield from self.settle(
                    "invoice",
                    each.id,
                    comparing.unlike_invoice(
                        each, ours.get(each.id), organisation_id=payer.pk
                    ),
                    heal=lambda stripe_id=each.id: mirror.sync_invoice(stripe_id),  # type: ignore[misc]
                    look=look,
                    organisation_id=payer.pk,
                )

    def _rename_invoices(self, theirs: list[objects.Invoice]) -> None:
        """Give a row whose id Stripe does not know the one its number has there.

        Else the invoice would be written, and told, a second time.
        """
        ids = {each.number: each.id for each in theirs if each.number}
        known = {each.id for each in theirs}
        lost = Invoice.objects.filter(number__in=ids).exclude(stripe_id__in=known)
        for row in lost if self.fix else ():
            if not Invoice.objects.filter(stripe_id=ids[row.number]).exists():
                Invoice.objects.filter(pk=row.pk).update(stripe_id=ids[row.number])

    def refunds(self) -> Iterator[Difference]:
        """Compare everything that went back: refunds, disputes and credit notes."""
        theirs: list[objects.Refund | objects.Dispute | objects.CreditNote] = [
            *adapter.refunds(self.invoice_of),
            *adapter.disputes(self.invoice_of),
            *adapter.credit_notes(),
        ]
        self.compared += len(theirs)
        self._rename_refunds(theirs)
        yield from self._vanished(Refund, theirs, lambda _stripe_id: None)
        rows = Refund.objects.select_related("invoice")
        invoices = set(Invoice.objects.values_list("stripe_id", flat=True))
        for some in _batches(theirs, BATCH):
            ours = rows.in_bulk([each.id for each in some], field_name="stripe_id")
            for each in some:
                if each.invoice_id not in invoices:
                    continue
                if isinstance(each, objects.CreditNote) and (
                    not Invoice.objects.paid()
                    .filter(stripe_id=each.invoice_id)
                    .exists()
                ):
                    # It lowers what is owed; nothing was paid that could go back.
                    continue

                def look(each: Any = each) -> comparing.Unlike:
                    return comparing.unlike_refund(
                        each, rows.filter(stripe_id=each.id).first()
                    )

                yield from self.settle(
                    "refund",
                    each.id,
                    comparing.unlike_refund(each, ours.get(each.id)),
                    heal=lambda each=each: _apply_return(each),  # type: ignore[misc]
                    look=look,
                )

    def _rename_refunds(self, theirs: Iterable[Any]) -> None:
        known = {each.id for each in theirs}
        ours = set(Refund.objects.values_list("stripe_id", flat=True))
        for each in theirs:
            if each.id in ours or not self.fix:
                continue
            record = values.refund_record(each)
            lost = Refund.objects.filter(
                kind=record.kind,
                amount=record.amount,
                refunded_at=record.refunded_at,
                invoice__stripe_id=each.invoice_id,
            ).exclude(stripe_id__in=known)
            row = lost.first()
            if row is not None:
                Refund.objects.filter(pk=row.pk).update(stripe_id=each.id)

    def charges(self) -> Iterator[Difference]:
        """Compare what cards were charged with what we booked for it."""
        booked: dict[str, list[Payment]] = {}
        for payment in Payment.objects.exclude(payment_intent_id=""):
            booked.setdefault(payment.payment_intent_id, []).append(payment)
        charged = set()
        for charge in adapter.charges():
            self.compared += 1
            payer = organisation_of(charge.customer_id)
            if not charge.is_paid or payer is None:
                continue
            intent = charge.payment_intent_id
            charged.add(intent)

            def look(charge: objects.Charge = charge) -> comparing.Unlike:
                found = Payment.objects.filter(
                    payment_intent_id=charge.payment_intent_id
                )
                return comparing.unlike_charge(charge, found)

            invoice_id = self.invoice_of.get(intent, "")
            yield from self.settle(
                "charge",
                charge.id,
                comparing.unlike_charge(charge, booked.get(intent, ())),
                heal=lambda stripe_id=invoice_id: (  # type: ignore[misc]
                    mirror.sync_invoice(stripe_id) if stripe_id else None
                ),
                look=look,
                organisation_id=payer.pk,
            )
        paid = Payment.objects.filter(status="paid").exclude(payment_intent_id="")
        for payment in paid.exclude(payment_intent_id__in=charged):
            yield from self.settle(
                "charge",
                payment.payment_intent_id,
                {"amount": (payment.amount, "never charged")},
                heal=lambda: None,
                look=lambda payment=payment: {  # type: ignore[misc]
                    "amount": (payment.amount, "never charged")
                },
            )

    def sums(self) -> Iterator[Difference]:
        """Let what is worked out from several rows agree with them."""
        for invoice in Invoice.objects.exclude(refunds=None, amount_refunded=0).defer(
            "raw"
        ):
            before = _sums_of(invoice)
            with transaction.atomic():
                locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
                ledger.settle_refunds(locked, at=timezone.now())
                after = _sums_of(locked)
                if not self.fix:
                    transaction.set_rollback(True)
            for name, value in after.items():
                if before.get(name) != value:
                    yield self._sum(invoice.stripe_id, name, before.get(name), value)
        paying = Invoice.objects.filter(paid_at__isnull=False)
        for organisation_id in set(paying.values_list("organisation_id", flat=True)):
            with transaction.atomic():
                Organisation.objects.select_for_update().get(pk=organisation_id)
                is_news = ledger.place_first(organisation_id)
                if not self.fix:
                    transaction.set_rollback(True)
            if is_news:
                name = f"organisation {organisation_id}"
                yield self._sum(name, "is_first", "another", "the one paid first")
        for check in checks.CHECKS:
            for violation in check():
                unlike: comparing.Unlike = {violation.rule: (violation.detail, "")}
                yield from self.settle(
                    "ledger",
                    violation.subject,
                    unlike,
                    heal=lambda: None,
                    look=lambda unlike=unlike: unlike,  # type: ignore[misc]
                )

    def _sum(self, object_id: str, name: str, ours: Any, theirs: Any) -> Difference:
        return Difference(
            scope="ledger",
            object_id=object_id,
            field=name,
            ours=str(ours),
            theirs=str(theirs),
            is_fixed=self.fix,
        )

    def entitlements(self) -> Iterator[Difference]:
        """Let what each organisation may do be what its plans grant."""
        for row in OrganisationEntitlement.objects.iterator():
            features, _source = compute_entitlements(row.pk)
            if row.features == features.to_dict() and row.plan == features.plan:
                continue
            if self.fix:
                OrganisationEntitlement.objects.filter(pk=row.pk).update(features={})
                refresh_entitlements(row.pk)
            yield Difference(
                scope="entitlement",
                object_id=f"organisation {row.pk}",
                field="features",
                ours=row.plan,
                theirs=features.plan,
                is_fixed=self.fix,
            )

    def _vanished(
        self, model: Any, theirs: Iterable[Any], sync: Callable[[str], object]
    ) -> Iterator[Difference]:
        """Look at what we have and Stripe does not list."""
        known = {each.id for each in theirs}
        gone = model.objects.exclude(stripe_id__in=known)
        if model is Subscription:
            gone = gone.filter(missing_at=None)
        elif model is Invoice:
            # A draft that was thrown away; nothing was ever owed on it.
            gone = gone.exclude(status=Invoice.Status.VOID, paid_at=None)
        for row in gone:

            def look(pk: int = row.pk) -> comparing.Unlike:
                left = gone.filter(pk=pk).exists()
                return {"object": ("there", "missing")} if left else {}

            yield from self.settle(
                model.__name__.lower(),
                row.stripe_id,
                {"object": ("there", "missing")},
                heal=lambda stripe_id=row.stripe_id: sync(stripe_id),  # type: ignore[misc]
                look=look,
            )

    def settle(
        self,
        scope: str,
        object_id: str,
        unlike: comparing.Unlike,
        *,
        heal: Callable[[], object],
        look: Callable[[], comparing.Unlike],
        organisation_id: int | None = None,
    ) -> Iterator[Difference]:
        """Put one object right, or put before staff what stays different."""
        if not unlike:
            return
        left = unlike
        if self.fix:
            _try(heal)
            left = look()
        for name, (ours, theirs) in unlike.items():
            is_fixed = self.fix and name not in left
            if is_fixed:
                cases.close(Case.Kind.DIFFERENCE, object_id, field=name)
            elif self.fix and not cases.open_case(
                Case.Kind.DIFFERENCE,
                object_id,
                field=name[:80],
                organisation_id=organisation_id,
                ours=str(ours),
                theirs=str(theirs),
            ):
                continue
            yield Difference(
                scope=scope,
                object_id=object_id,
                field=name,
                ours=str(ours),
                theirs=str(theirs),
                is_fixed=is_fixed,
            )


def _apply_return(fetched: Any) -> None:
    if isinstance(fetched, objects.Dispute):
        mirror.apply_dispute(fetched)
    else:
        mirror.apply_refund(fetched)


def _sums_of(invoice: Invoice) -> dict[str, Any]:
    parts = invoice.refunds.values_list("stripe_id", "revenue", "counted_at")
    return {
        "amount_refunded": invoice.amount_refunded,
        **{f"{stripe_id} revenue": revenue for stripe_id, revenue, _ in parts},
        **{f"{stripe_id} counted": at is not None for stripe_id, _, at in parts},
    }


def _batches(found: list[T], size: int) -> Iterator[list[T]]:
    rest = iter(found)
    while some := list(islice(rest, size)):
        yield some


def _try(heal: Callable[[], object]) -> None:
    try:
        heal()
    except (NotOurs, StripeError):
        return
