"""A quote from the wish to the signature; each step under the quote's row."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from billing.approvals import permissions as approval_permissions
from billing.approvals import services as approvals
from billing.approvals.exceptions import OwnOrganisation
from billing.approvals.limits import discount_needs_second_person
from billing.approvals.models import Approval
from billing.growth import leads
from billing.growth.exceptions import LeadClosed
from billing.growth.models import Lead
from billing.plans.exceptions import PlanNotSynced
from billing.plans.models import Price
from billing.quotes import notices, queries
from billing.quotes.exceptions import (
    HasPlan,
    QuoteChanged,
    QuoteClosed,
    QuoteIncomplete,
    QuoteOpenAlready,
)
from billing.quotes.jobs import CONTRACT
from billing.quotes.models import Buyer, Contract, Quote, Signature
from billing.quotes.rows import (
    audit_quote,
    close_quote,
    lock_quote,
    numbers_of,
    withdrawal_of,
    worth_of,
)
from billing.quotes.signing import digest_of, has_buyer, terms_of
from billing.subscriptions.exceptions import SeatsOutOfRange
from billing.subscriptions.mirror import supersede_checkouts
from billing.subscriptions.models import CheckoutIntent
from contracts.billing import (
    QuoteAccepted,
    QuoteDeclined,
    QuoteExpired,
    QuoteRequested,
    QuoteSent,
)
from core.context import network
from jobs.services import enqueue
from outbox import publish

State = Quote.State


@transaction.atomic
def ask_for_quote(
    organisation: Organisation,
    *,
    by: User,
    price: Price,
    seats: int,
    term_months: int,
    buyer: Buyer,
    wishes: str,
    language: str,
) -> Quote:
    """Ask for a quote; staff are told.

    Raises ``QuoteOpenAlready`` or ``SeatsOutOfRange``.
    """
    quote = _insert(
        organisation,
        price=price,
        seats=seats,
        term_months=term_months,
        wishes=wishes,
        language=language,
        asked_by=by,
    )
    buyer.quote = quote
    buyer.save()
    audit_quote("quote.requested", quote, by=by)
    publish(
        QuoteRequested(
            quote_id=quote.pk,
            organisation_id=organisation.pk,
            plan=price.plan_version.plan.key,
            seats=seats,
            user_id=by.pk,
        )
    )
    notices.notify_of_request(quote)
    return quote


@transaction.atomic
def create_quote(
    organisation: Organisation, *, by: User, price: Price, lead: Lead | None = None
) -> Quote:
    """Begin a quote as staff, such as for a lead. Raises ``QuoteOpenAlready``."""
    quote = _insert(
        organisation,
        price=price,
        seats=price.plan_version.seat_min,
        lead=lead,
        prepared_by=by,
    )
    audit_quote("quote.begun", quote, by=by)
    return quote


@transaction.atomic
def set_terms(quote: Quote, *, by: User, **terms: Any) -> Quote:
    """Write what is offered: ``price``, ``seats``, ``discount_bps`` and the like.

    One that was sent is prepared anew: its address opens for nobody until it is sent
    again, and whatever was approved about it counts no more. Raises ``QuoteClosed``,
    ``QuoteOpenAlready`` or ``SeatsOutOfRange``.
    """
    _drop_approvals(quote)
    locked = lock_quote(quote)
    if locked.state not in {State.DRAFT, State.SENT}:
        raise QuoteClosed
    before = numbers_of(locked)
    was_sent = locked.state == State.SENT
    for name, value in terms.items():
        setattr(locked, name, value)
    _check_seats(locked.price, locked.seats)
    locked.revision += 1
    locked.prepared_by = by
    locked.state = State.DRAFT
    locked.sent_at = locked.expires_at = None
    _save_as_only_draft(locked)
    audit_quote("quote.written", locked, by=by, before=before)
    if was_sent:
        publish(withdrawal_of(locked, by))
    return locked


@transaction.atomic
def set_buyer(quote: Quote, *, by: User | None, **details: str) -> Buyer:
    """Write whom it is made out to, also after it was sent. Raises ``QuoteClosed``."""
    locked = lock_quote(quote)
    if locked.state != State.DRAFT and not locked.is_open:
        raise QuoteClosed
    buyer, _ = Buyer.objects.update_or_create(quote=locked, defaults=details)
    audit_quote("quote.buyer_written", locked, by=by)
    return buyer


@transaction.atomic
def issue_quote(quote: Quote, *, by: User) -> Quote:
    """Send a quote to its buyer, by mail and in the product.

    Raises ``QuoteClosed``, ``QuoteIncomplete``, ``PlanNotSynced``, and for a discount
    ``OwnOrganisation`` or ``NeedsApproval``.
    """
    locked = lock_quote(quote)
    if locked.state != State.DRAFT:
        raise QuoteClosed
    if not has_buyer(locked):
        raise QuoteIncomplete
    _check_seats(locked.price, locked.seats)
    if not locked.price.stripe_price_id:
        raise PlanNotSynced
    largest = max(locked.discount_bps, locked.usage_discount_bps)
    if largest and approval_permissions.belongs_to(by, locked.organisation):
        raise OwnOrganisation
    if discount_needs_second_person(largest):
        approvals.require_approval(
            Approval.Kind.DISCOUNT,
            subject=approval_subject(locked),
            organisation_id=locked.organisation_id,
            amount=_decided_amount(locked),
        )
    now = timezone.now()
    locked.state = State.SENT
    locked.prepared_by = by
    locked.sent_at = now
    locked.expires_at = now + timedelta(days=locked.valid_days)
    locked.save(update_fields=["state", "prepared_by", "sent_at", "expires_at"])
    audit_quote("quote.sent", locked, by=by)
    publish(QuoteSent(**worth_of(locked), user_id=by.pk))
    notices.send_to_buyer(locked)
    return locked


def ask_to_send(quote: Quote, *, by: User, reason: str) -> Approval:
    """Ask a second person for the discount; their yes sends the quote.

    Raises ``QuoteIncomplete``, ``AlreadyAsked`` or ``OwnOrganisation``.
    """
    if not has_buyer(quote):
        raise QuoteIncomplete
    amounts = quote.amounts
    return approvals.request_approval(
        Approval.Kind.DISCOUNT,
        subject=approval_subject(quote),
        organisation=quote.organisation,
        amount=_decided_amount(quote),
        currency=amounts.currency,
        details={
            "quote": quote.pk,
            "discount_bps": quote.discount_bps,
            "usage_discount_bps": quote.usage_discount_bps,
        },
        reason=reason,
        by=by,
    )


def _decided_amount(quote: Quote) -> int:
    """Return what a second person decides about: what is given, else the term."""
    amounts = quote.amounts
    return amounts.given or amounts.term


@transaction.atomic
def accept_quote(
    quote: Quote, *, name: str, title: str, digest: str, by: User | None
) -> Contract:
    """Sign a quote: what was shown, whose digest is ``digest``, is agreed.

    Locks the organisation, then the quote, so that of two signatures one counts; the
    second gets the contract of the first. An open checkout gives way. The subscription
    is made by a job after the commit. Raises ``QuoteClosed``, ``QuoteChanged`` or
    ``HasPlan``.
    """
    # Not its key: who writes about the organisation meanwhile holds the quote.
    rows = Organisation.objects.select_for_update(no_key=True)
    rows.get(pk=quote.organisation_id)
    locked = lock_quote(quote)
    if locked.state == State.ACCEPTED:
        return locked.contract
    if not locked.is_open:
        raise QuoteClosed
    terms = terms_of(locked)
    if digest_of(terms) != digest:
        raise QuoteChanged
    if queries.has_plan(locked.organisation_id):
        raise HasPlan

    now = timezone.now()
    locked.state = State.ACCEPTED
    locked.decided_at = now
    locked.save(update_fields=["state", "decided_at"])
    Signature.objects.create(
        quote=locked,
        name=name,
        title=title,
        user=by,
        address=network.get(),
        terms=terms,
        digest=digest,
        accepted_at=now,
    )
    contract = Contract.objects.create(
        quote=locked,
        organisation=locked.organisation,
        # An order like any other, paid by invoice: who asked is its buyer.
        order=CheckoutIntent.objects.create(
            organisation=locked.organisation,
            user=locked.asked_by or by,
            price=locked.price,
            seats=locked.seats,
            state=CheckoutIntent.State.COMPLETE,
            completed_at=now,
        ),
    )
    supersede_checkouts(locked.organisation_id)
    # Before the audit log's lock, as everywhere.
    _win_lead(locked)
    enqueue(CONTRACT, contract.pk)
    audit_quote("quote.accepted", locked, by=by, digest=digest)
    publish(
        QuoteAccepted(
            **worth_of(locked), contract_id=contract.pk, user_id=by.pk if by else None
        )
    )
    notices.notify_of_acceptance(locked, name=name)
    return contract


@transaction.atomic
def decline_quote(quote: Quote, *, by: User | None, why: str) -> Quote:
    """Say no to a quote. Raises ``QuoteClosed``."""
    locked = lock_quote(quote)
    if not locked.is_open:
        raise QuoteClosed
    close_quote(locked, State.DECLINED, why=why)
    audit_quote("quote.declined", locked, by=by)
    publish(
        QuoteDeclined(
            quote_id=locked.pk,
            organisation_id=locked.organisation_id,
            user_id=by.pk if by else None,
        )
    )
    notices.notify_of_refusal(locked)
    return locked


@transaction.atomic
def withdraw_quote(quote: Quote, *, by: User, why: str) -> Quote:
    """Take a quote back before it is accepted. Raises ``QuoteClosed``."""
    _drop_approvals(quote)
    locked = lock_quote(quote)
    if locked.state not in {State.DRAFT, State.SENT}:
        raise QuoteClosed
    close_quote(locked, State.WITHDRAWN, why=why)
    audit_quote("quote.withdrawn", locked, by=by)
    publish(withdrawal_of(locked, by))
    return locked


def expire_quotes() -> int:
    """Close quotes whose days are over; return how many."""
    due = Quote.objects.filter(state=State.SENT, expires_at__lte=timezone.now())
    return sum(_expire(pk) for pk in list(due.values_list("pk", flat=True)))


def approval_subject(quote: Quote) -> str:
    """Return what an approval is about: this quote with these terms."""
    return f"{quote.public_id}:{quote.revision}"


@transaction.atomic
def _expire(pk: int) -> int:
    row = lock_quote(Quote(pk=pk))
    if row.state != State.SENT or row.is_open:
        return 0
    close_quote(row, State.EXPIRED)
    audit_quote("quote.expired", row, by=None)
    publish(QuoteExpired(quote_id=row.pk, organisation_id=row.organisation_id))
    return 1


def _insert(
    organisation: Organisation, *, price: Price, seats: int, **fields: Any
) -> Quote:
    _check_seats(price, seats)
    try:
        # Two that ask at once meet at the constraint.
        with transaction.atomic():
            return Quote.objects.create(
                organisation=organisation, price=price, seats=seats, **fields
            )
    except IntegrityError as error:
        raise QuoteOpenAlready from error


def _win_lead(quote: Quote) -> None:
    """Close the lead a quote came from; one that is closed stays as it is."""
    if quote.lead is None or quote.prepared_by is None:
        return
    try:
        with transaction.atomic():
            leads.close_lead(
                quote.lead,
                by=quote.prepared_by,
                outcome=Lead.Outcome.WON,
                amount=quote.amounts.term,
                currency=quote.price.currency,
            )
    except LeadClosed:
        return


def _save_as_only_draft(quote: Quote) -> None:
    try:
        with transaction.atomic():
            quote.save()
    except IntegrityError as error:
        raise QuoteOpenAlready from error


def _check_seats(price: Price, seats: int) -> None:
    version = price.plan_version
    if not version.seat_min <= seats <= version.seat_max:
        raise SeatsOutOfRange


def _drop_approvals(quote: Quote) -> None:
    """Let no approval of other terms wait; before the quote's lock, as a decision does.

    Only tidiness: an approval names the revision it is of.
    """
    approvals.drop_requests(Approval.Kind.DISCOUNT, about=f"{quote.public_id}:")
