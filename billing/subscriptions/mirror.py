"""Bringing our copies up to what Stripe has: fetch, then apply under a lock.

Fetching happens outside any transaction, applying in one. A copy fetched before
the stored one is ignored, so events may come twice, late and in any order.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.models import Organisation, User
from billing.ledger import services as ledger
from billing.ledger.models import Invoice, Refund
from billing.ledger.queries import holding_dispute
from billing.stripe import adapter, convert, objects
from billing.stripe.exceptions import NotOurs, StripeMissing
from billing.stripe.locks import database_now, lock_object
from billing.subscriptions import cases, values
from billing.subscriptions.customers import forget_customer, organisation_of
from billing.subscriptions.entitling import is_granting, refresh_entitlements
from billing.subscriptions.models import (
    BillingAccount,
    Case,
    CheckoutIntent,
    Subscription,
    SubscriptionItem,
)
from billing.subscriptions.movements import record_movements
from billing.subscriptions.terms import Terms, changed_at, publish_change
from contracts.billing import SubscriptionEnded, SubscriptionStarted
from outbox import publish
from stores.nudging import nudge_after_commit

CLOSED_DISPUTES = {"won", "lost", "warning_closed", "prevented"}


def sync_subscription(stripe_id: str) -> Subscription | None:
    """Fetch a subscription and apply it; one that is gone leaves a tombstone."""
    fetched_at = database_now()
    try:
        fetched = adapter.fetch_subscription(stripe_id)
    except StripeMissing:
        return _mark_missing(stripe_id, fetched_at=fetched_at)
    return apply_subscription(fetched, fetched_at=fetched_at)


def sync_invoice(stripe_id: str) -> Invoice | None:
    """Fetch an invoice and record it, its subscription first.

    An invoice that is gone was a draft; nothing was ever owed on it.
    """
    fetched_at = database_now()
    try:
        fetched = adapter.fetch_invoice(stripe_id)
    except StripeMissing:
        Invoice.objects.filter(stripe_id=stripe_id, paid_at=None).update(
            status=Invoice.Status.VOID, fetched_at=fetched_at
        )
        return None
    subscription = _subscription_of(fetched)
    return apply_invoice(fetched, subscription=subscription, fetched_at=fetched_at)


def sync_customer(stripe_id: str) -> None:
    """Fetch a customer and keep what may be shown of the payment method.

    One that was deleted is forgotten: the next purchase makes another.
    """
    account = BillingAccount.objects.filter(stripe_customer_id=stripe_id).first()
    if account is None:
        raise NotOurs("customer")
    fetched_at = database_now()
    try:
        customer = adapter.fetch_customer(stripe_id)
    except StripeMissing:
        forget_customer(stripe_id)
        return
    if customer.is_deleted:
        forget_customer(stripe_id)
        return
    with transaction.atomic():
        lock_object(stripe_id)
        card = _own_card(account.pk) or customer.card
        _keep_card(account.pk, card, fetched_at=fetched_at)


def sync_payment_method(stripe_id: str) -> None:
    """Look again at how those pay who show a card that changed or was taken away.

    One that was taken away names no customer any more: the accounts that show it do.
    """
    try:
        method = adapter.fetch_payment_method(stripe_id)
    except StripeMissing:
        return
    whose = Q(stripe_customer_id=method.customer_id or None)
    if method.card and method.card.fingerprint:
        whose |= Q(card_fingerprint=method.card.fingerprint)
    shown = BillingAccount.objects.exclude(stripe_customer_id=None).filter(whose)
    for account in shown.order_by("pk"):
        live = Subscription.objects.live().filter(organisation=account.pk)
        for subscription_id in live.values_list("stripe_id", flat=True):
            sync_subscription(subscription_id)
        sync_customer(account.stripe_customer_id or "")


def sync_refund(stripe_id: str) -> Refund | None:
    """Fetch a refund and record it on the invoice the money came from."""
    fetched_at = database_now()
    try:
        fetched = adapter.fetch_refund(stripe_id)
    except StripeMissing:
        return None
    return apply_refund(fetched, fetched_at=fetched_at)


def sync_dispute(stripe_id: str) -> Refund | None:
    """Fetch a dispute; the plan its payment bought waits for the decision."""
    fetched_at = database_now()
    try:
        fetched = adapter.fetch_dispute(stripe_id)
    except StripeMissing:
        return None
    return apply_dispute(fetched, fetched_at=fetched_at)


def sync_credit_note(stripe_id: str) -> Refund | None:
    """Fetch a credit note, the invoice it lowers and the refunds it made."""
    fetched_at = database_now()
    try:
        fetched = adapter.fetch_credit_note(stripe_id)
    except StripeMissing:
        return None
    sync_invoice(fetched.invoice_id)
    for refund_id in fetched.refund_ids:
        sync_refund(refund_id)
    return apply_refund(fetched, fetched_at=fetched_at)


@transaction.atomic
def apply_subscription(
    fetched: objects.Subscription, *, fetched_at: datetime, by: User | None = None
) -> Subscription:
    """Write what was fetched, what it grants, and tell who wants to know.

    ``by`` is who asked for what has changed, if it was asked for here. Locks the
    object, then the organisation's row. A plan that appears any other way takes the
    place of every open checkout. Raises ``NotOurs``.
    """
    lock_object(fetched.id)
    organisation = _organisation_of(fetched)
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    known = (
        Subscription.objects.filter(stripe_id=fetched.id)
        .select_related("price__plan_version__plan", "paid_price__plan_version__plan")
        .first()
    )
    if known is not None and known.fetched_at > fetched_at:
        return known

    prices = values.prices_of(fetched)
    intent = _intent_of(fetched)
    before = Terms.of(known) if known else None
    columns = values.subscription_values(
        fetched, known=known, prices=prices, fetched_at=fetched_at
    )
    at = changed_at(
        fetched,
        known=known,
        period_start=columns["period_start"],
        fetched_at=fetched_at,
    )
    row = known or Subscription(stripe_id=fetched.id)
    row.organisation = organisation
    row.user = row.user or (intent.user if intent else None)
    for name, value in columns.items():
        setattr(row, name, value)
    row.is_duplicate = _is_duplicate(row)
    row.raw = fetched.raw
    row.fetched_at = fetched_at
    row.revision = known.revision + 1 if known else 1
    row.save()
    _replace_items(row, fetched, prices)
    if fetched.card:
        _keep_card(organisation.pk, fetched.card, fetched_at=fetched_at)
    settle_grants_of(row, at=at)
    publish_change(row, before, at=at, by=by)
    if row.is_live and row.price_id:
        supersede_checkouts(organisation.pk, but=intent)
    settle_duplicates(organisation.pk)
    row.refresh_from_db(fields=["is_duplicate"])
    return row


def apply_answer(
    answered: objects.Subscription, *, asked_at: datetime, by: User | None = None
) -> Subscription:
    """Write what Stripe answered to a change that ``by`` asked for at ``asked_at``.

    The answer is as old as the question: what was fetched while it was on its way may
    be newer, or of before the change. Then it is fetched again. Raises ``NotOurs``.
    """
    row = apply_subscription(answered, fetched_at=asked_at, by=by)
    if row.fetched_at == asked_at:
        return row
    asked_at = database_now()
    again = adapter.fetch_subscription(answered.id)
    return apply_subscription(again, fetched_at=asked_at, by=by)


@transaction.atomic
def apply_invoice(
    fetched: objects.Invoice,
    *,
    subscription: Subscription | None,
    fetched_at: datetime,
) -> Invoice:
    """Write an invoice to the ledger. Raises ``NotOurs``."""
    lock_object(fetched.id)
    if subscription is not None:
        organisation_id = subscription.organisation_id
    else:
        organisation_id = _payer(fetched.customer_id).pk
    invoice = ledger.record_invoice(
        values.invoice_record(fetched),
        organisation_id=organisation_id,
        user_id=subscription.user_id if subscription else None,
        fetched_at=fetched_at,
    )
    if subscription is not None and subscription.frozen_at and invoice.paid_at:
        # A payment after a lost dispute brings the plan back.
        settle_grants_of(
            Subscription.objects.get(pk=subscription.pk), at=invoice.paid_at
        )
    return invoice


def apply_refund(
    fetched: objects.Refund | objects.CreditNote, *, fetched_at: datetime
) -> Refund:
    """Write what went back to the ledger; staff hear of what did not arrive.

    Raises ``NotOurs``.
    """
    invoice = _paid_invoice(fetched.invoice_id)
    with transaction.atomic():
        lock_object(fetched.id)
        Organisation.objects.select_for_update().get(pk=invoice.organisation_id)
        record = values.refund_record(fetched)
        before = Refund.objects.filter(stripe_id=fetched.id).first()
        refund = ledger.record_refund(record, invoice=invoice, fetched_at=fetched_at)
        is_news = before is None or before.status != refund.status
        if is_news and refund.has_come_back:
            cases.open_case(
                Case.Kind.REFUND,
                refund.stripe_id,
                organisation_id=invoice.organisation_id,
                ours=str(invoice),
                theirs=refund.status,
            )
        return refund


def apply_dispute(fetched: objects.Dispute, *, fetched_at: datetime) -> Refund:
    """Write a dispute to the ledger, hold its plan back and call staff.

    Raises ``NotOurs``.
    """
    invoice = _paid_invoice(fetched.invoice_id)
    with transaction.atomic():
        lock_object(fetched.id)
        Organisation.objects.select_for_update().get(pk=invoice.organisation_id)
        record = values.refund_record(fetched)
        dispute = ledger.record_refund(record, invoice=invoice, fetched_at=fetched_at)
        subscription = (
            Subscription.objects.filter(stripe_id=invoice.subscription_stripe_id)
            .select_related("price__plan_version__plan")
            .first()
        )
        if subscription is not None:
            is_open = dispute.status not in CLOSED_DISPUTES
            at = fetched.created_at if is_open else database_now()
            settle_grants_of(subscription, at=at)
        if dispute.status in CLOSED_DISPUTES:
            cases.close(Case.Kind.DISPUTE, fetched.id, note=dispute.status)
        else:
            cases.open_case(
                Case.Kind.DISPUTE,
                fetched.id,
                organisation_id=invoice.organisation_id,
                ours=str(invoice),
                theirs=dispute.status,
                due_at=dispute.answer_by,
            )
    return dispute


def settle_grants_of(row: Subscription, *, at: datetime) -> None:
    """Put what a subscription grants into effect; facts follow what changed.

    ``at`` is since when it is so. The caller holds the organisation's row.
    """
    dispute = holding_dispute(row.stripe_id)
    frozen_at = dispute.refunded_at if dispute else None
    if frozen_at != row.frozen_at:
        Subscription.objects.filter(pk=row.pk).update(frozen_at=frozen_at)
        row.frozen_at = frozen_at
    before = row.granted_plan
    price = row.entitled_price
    after = price.plan_version.plan.key if price and is_granting(row) else ""
    if after != before:
        Subscription.objects.filter(pk=row.pk).update(granted_plan=after)
        row.granted_plan = after
    if after and not before:
        publish(
            SubscriptionStarted(
                organisation_id=row.organisation_id,
                subscription_id=row.pk,
                plan=after,
                user_id=row.user_id,
            )
        )
    elif before and not after:
        publish(
            SubscriptionEnded(
                organisation_id=row.organisation_id, subscription_id=row.pk, plan=before
            )
        )
    refresh_entitlements(row.organisation_id)
    record_movements(row.organisation_id, at=at)


def supersede_checkouts(
    organisation_id: int, *, but: CheckoutIntent | None = None
) -> None:
    """Let open checkouts give way to a plan that is there; their sessions close soon.

    The caller holds the organisation's row, and nothing is asked of Stripe here:
    ``services.close_checkouts`` does, at once after the commit and again until done.
    """
    waiting = CheckoutIntent.objects.filter(
        organisation=organisation_id, state=CheckoutIntent.State.OPEN
    )
    if but is not None:
        waiting = waiting.exclude(pk=but.pk)
    if waiting.update(state=CheckoutIntent.State.SUPERSEDED):
        nudge_after_commit(
            "billing.subscriptions.tasks.close_checkouts", organisation_id
        )


def settle_duplicates(organisation_id: int) -> None:
    """Let one live plan be the one that counts and call staff about any other.

    The caller holds the organisation's row.
    """
    live = Subscription.objects.live().with_plan().filter(organisation=organisation_id)
    rows = list(live.defer("raw").order_by("is_duplicate", "pk"))
    for number, row in enumerate(rows):
        if row.is_duplicate != bool(number):
            Subscription.objects.filter(pk=row.pk).update(is_duplicate=bool(number))
    surplus = {row.stripe_id for row in rows[1:]}
    for row in rows[1:]:
        cases.open_case(
            Case.Kind.DUPLICATE,
            row.stripe_id,
            organisation_id=organisation_id,
            ours=rows[0].stripe_id,
            theirs=row.stripe_id,
        )
    cases.close_others(Case.Kind.DUPLICATE, organisation_id, still=surplus)


@transaction.atomic
def _mark_missing(stripe_id: str, *, fetched_at: datetime) -> Subscription | None:
    lock_object(stripe_id)
    row = Subscription.objects.filter(stripe_id=stripe_id).first()
    if row is None:
        return None
    Organisation.objects.select_for_update().get(pk=row.organisation_id)
    row.refresh_from_db()
    if row.fetched_at > fetched_at:
        return row
    row.status = Subscription.Status.CANCELED
    row.missing_at = row.ended_at = row.fetched_at = fetched_at
    row.revision = row.revision + 1
    row.save()
    settle_grants_of(row, at=fetched_at)
    settle_duplicates(row.organisation_id)
    return row


def _organisation_of(fetched: objects.Subscription) -> Organisation:
    payer = organisation_of(fetched.customer_id)
    if payer is not None:
        return payer
    public_id = fetched.metadata.get("organisation", "")
    organisation = Organisation.objects.filter(public_id=public_id).first()
    if organisation is None:
        raise NotOurs("subscription of an unknown customer")
    return organisation


def _payer(customer_id: str) -> Organisation:
    organisation = organisation_of(customer_id)
    if organisation is None:
        raise NotOurs("invoice of an unknown customer")
    return organisation


def _subscription_of(fetched: objects.Invoice) -> Subscription | None:
    if not fetched.subscription_id:
        return None
    known = Subscription.objects.filter(stripe_id=fetched.subscription_id).first()
    return known or sync_subscription(fetched.subscription_id)


def _intent_of(fetched: objects.Subscription) -> CheckoutIntent | None:
    reference = fetched.metadata.get("intent", "")
    if len(reference) != 36:
        return None
    return CheckoutIntent.objects.select_related("user").filter(uuid=reference).first()


def _is_duplicate(row: Subscription) -> bool:
    if not row.is_live or row.price is None:
        return False
    others = Subscription.objects.live().with_plan().filter(is_duplicate=False)
    return (
        others.filter(organisation_id=row.organisation_id)
        .exclude(stripe_id=row.stripe_id)
        .exists()
    )


def _replace_items(
    row: Subscription, fetched: objects.Subscription, prices: values.Prices
) -> None:
    for item in fetched.items:
        SubscriptionItem.objects.update_or_create(
            stripe_id=item.id,
            defaults={"subscription": row, **values.item_values(item, prices)},
        )
    row.items.exclude(stripe_id__in=[item.id for item in fetched.items]).delete()


def _keep_card(
    organisation_id: int, card: objects.Card | None, *, fetched_at: datetime
) -> None:
    accounts = BillingAccount.objects.filter(pk=organisation_id)
    accounts.exclude(fetched_at__gt=fetched_at).update(
        **values.card_values(card), fetched_at=fetched_at
    )


def _own_card(organisation_id: int) -> objects.Card | None:
    """Return the card a live subscription names itself; it pays before any other."""
    live = Subscription.objects.live().filter(organisation=organisation_id)
    for raw in live.values_list("raw", flat=True):
        found = convert.card(raw.get("default_payment_method"))
        if found is not None:
            return found
    return None


def _paid_invoice(stripe_id: str) -> Invoice:
    """Return the invoice money went back of. Raises ``NotOurs``.

    Nothing goes back of what we have not seen arrive: that news is still on its way.
    """
    if not stripe_id:
        raise NotOurs("money of something else")
    paid = Invoice.objects.filter(stripe_id=stripe_id, paid_at__isnull=False)
    invoice = paid.first() or sync_invoice(stripe_id)
    if invoice is None:
        raise NotOurs("money of an unknown invoice")
    return invoice
