"""Putting the lines of statements on invoices, each of them once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from django.db import connection
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from billing.overage.models import Statement, StatementLine
from billing.stripe import items
from billing.stripe.exceptions import StripeError, StripeRefused
from billing.stripe.objects import InvoiceItem
from billing.stripe.operations import run_once
from billing.subscriptions.models import BillingAccount, Subscription

logger = logging.getLogger(__name__)
# Any number that no other advisory lock of ours has.
_LOCK = 7_310_226_043


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where lines go: a customer's subscription, and a draft if one is open."""

    customer_id: str
    subscription_id: str
    invoice_id: str = ""


@dataclass(frozen=True, slots=True)
class MadeInvoice:
    """A draft that was made; ``run_once`` notes its id."""

    id: str


def send_statements() -> tuple[int, int]:
    """Send what Stripe has not got yet; return how many went and how many could not.

    One process at a time does: another finds the place taken and leaves it. What cannot
    be sent keeps nothing else back and is tried again with the next run.
    """
    sent = failed = 0
    with alone() as is_ours:
        waiting = Statement.objects.unsent().order_by("pk") if is_ours else ()
        for statement in list(waiting):
            try:
                _send_statement(statement)
            except StripeError as error:
                failed += 1
                logger.warning(
                    "overage.not_sent",
                    extra={
                        "statement": statement.public_id,
                        "error": error.details.get("reason", ""),
                    },
                )
            else:
                sent += 1
    return sent, failed


@contextmanager
def alone() -> Iterator[bool]:
    """Hold the one place there is for sending; yields whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _send_statement(statement: Statement) -> None:
    """Put every line of a statement on an invoice; outside any transaction.

    May be run again after a crash anywhere: each line has one key for all tries, and
    what an earlier try may have made is looked for first. A line of nothing in minor
    units is on no invoice; its billionths are carried. Raises ``StripeError``.
    """
    waiting = statement.lines.filter(item_id=None).exclude(amount=0)
    lines = list(waiting.select_related("coverage", "statement"))
    if lines:
        place = place_of(statement)
        for line in lines:
            place = _send(line, place)
    Statement.objects.filter(pk=statement.pk).update(sent_at=timezone.now())


def place_of(statement: Statement) -> Place:
    """Return where a statement's lines go now. Raises ``StripeRefused`` without payer.

    On the invoice that the subscription's new period has just begun, if it is not
    issued yet, else on its next one. One that comes in a year is too late and one that
    has ended has none: then the statement gets an invoice of its own.
    """
    account = BillingAccount.objects.filter(pk=statement.organisation_id).first()
    if account is None or not account.stripe_customer_id:
        raise StripeRefused(reason="the organisation is no customer")
    customer_id = account.stripe_customer_id
    subscription = (
        Subscription.objects.live()
        .with_plan()
        .filter(organisation_id=statement.organisation_id, is_duplicate=False)
        .defer("raw")
        .first()
    )
    is_monthly = subscription is not None and (
        (subscription.interval, subscription.interval_count) == ("month", 1)
    )
    if subscription is not None and is_monthly and not subscription.ends_at:
        return Place(
            customer_id=customer_id,
            subscription_id=subscription.stripe_id,
            invoice_id=items.draft_of(subscription.stripe_id),
        )
    if not (statement.own_invoice_id and items.is_draft(statement.own_invoice_id)):
        is_charged = (
            subscription is None
            or subscription.collection_method == "charge_automatically"
        )
        made = run_once(
            "usage_invoice",
            statement.public_id,
            {"customer": customer_id, "after": statement.own_invoice_id},
            partial(_make_invoice, statement, customer_id, is_charged),
        )
        statement.own_invoice_id = made.id
        statement.save(update_fields=["own_invoice_id"])
    return Place(
        customer_id=customer_id,
        subscription_id="",
        invoice_id=statement.own_invoice_id,
    )


def description_of(line: StatementLine) -> str:
    """Return what the invoice says of a line, in the language of the moment."""
    values = {
        "model": line.name,
        "start": date_format(line.coverage.starts_at, "DATE_FORMAT"),
        "end": date_format(line.coverage.ends_at, "DATE_FORMAT"),
    }
    if line.tier:
        return _tier_described(line, values)
    if line.is_late:
        return (
            _(
                "Usage of %(model)s beyond the plan, %(start)s to %(end)s, heard of later"
            )
            % values
        )
    return _("Usage of %(model)s beyond the plan, %(start)s to %(end)s") % values


def _tier_described(line: StatementLine, values: dict[str, str]) -> str:
    """Word a line of a price with tiers, or packages."""
    if line.is_late:
        return (
            _("Usage beyond the plan, %(model)s, %(start)s to %(end)s, heard of later")
            % values
        )
    return _("Usage beyond the plan, %(model)s, %(start)s to %(end)s") % values


def _send(line: StatementLine, place: Place) -> Place:
    """Put a line where it belongs; return the place for the next one."""
    found = None
    if line.asked_at is not None:
        found = items.find_item(place.customer_id, line.public_id)
    else:
        StatementLine.objects.filter(pk=line.pk).update(asked_at=timezone.now())
    if found is None:
        try:
            found = _create(line, place)
        except StripeRefused:
            # Its key may stand for a try of before that went elsewhere, or the draft
            # was issued in this moment.
            found = items.find_item(place.customer_id, line.public_id)
            if found is None and not (place.invoice_id and place.subscription_id):
                raise
            if found is None:
                place = replace(place, invoice_id="")
                found = _create(line, place)
    StatementLine.objects.filter(pk=line.pk, item_id=None).update(item_id=found.id)
    return place


def _create(line: StatementLine, place: Place) -> InvoiceItem:
    # In one language: a try says the same as the one before.
    with translation.override("en"):
        description = description_of(line)

    def call(key: str) -> InvoiceItem:
        return items.create_item(
            customer_id=place.customer_id,
            subscription_id=place.subscription_id,
            invoice_id=place.invoice_id,
            amount=line.amount,
            currency=line.statement.currency,
            description=description,
            starts_at=line.coverage.starts_at,
            ends_at=line.coverage.ends_at,
            reference=line.public_id,
            idempotency_key=key,
        )

    return run_once("usage_item", line.public_id, {"amount": line.amount}, call)


def _make_invoice(
    statement: Statement, customer_id: str, is_charged: bool, key: str
) -> MadeInvoice:
    return MadeInvoice(
        items.create_draft(
            customer_id=customer_id,
            currency=statement.currency,
            is_charged=is_charged,
            reference=statement.public_id,
            idempotency_key=key,
        )
    )
