"""Working every line out again from the ledger, and comparing it with Stripe's."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from billing.credits.checks import CHECKS
from billing.credits.models import Coverage
from billing.overage.arithmetic import carried_after, in_minor_units
from billing.overage.closing import (
    Subject,
    charged_usage,
    stated_usage,
    wanted_lines,
)
from billing.overage.models import CloseCheck, Statement, StatementLine
from billing.stripe import items
from billing.stripe.objects import InvoiceItem
from billing.subscriptions.models import BillingAccount, FormerCustomer
from core.money import format_minor

# The last two months: what is late by more is a line of its own with the next.
LOOK_BACK = timedelta(days=62)
# What is on its way; a statement is sent within minutes.
PATIENCE = timedelta(hours=1)
# A screen; what differs so often differs for one reason.
SHOWN = 20
# Clocks of ours and of Stripe's may differ by so much.
SKEW = timedelta(hours=1)


def check_charges(*, since: datetime | None = None) -> CloseCheck:
    """Compare what was closed since a moment, both ways, and keep what came of it.

    Outside any transaction: Stripe is asked for every item. Raises ``StripeError``.
    """
    begun = since or timezone.now() - LOOK_BACK
    statements = Statement.objects.filter(closed_at__gte=begun).order_by("pk")
    found = [f"{check.__name__}: {row}" for check in CHECKS for row in check()]
    count = 0
    for statement in statements.select_related("coverage").iterator():
        count += 1
        found += recompute(statement)
    lines, differences = _compare_items(begun)
    found += differences
    return CloseCheck.objects.create(
        since=begun,
        statements=count,
        lines=lines,
        differences=len(found),
        found=found[:SHOWN],
    )


def recompute(statement: Statement) -> Iterator[str]:
    """Yield what of a statement is not what the ledger comes to.

    The ledger is read as it was when the period was closed: its rows are only ever
    added, and the statement says which was the newest.
    """
    periods = list(
        Coverage.objects.filter(
            organisation_id=statement.organisation_id,
            starts_at__lte=statement.coverage.starts_at,
        )
    )
    wanted = list(
        wanted_lines(
            periods,
            charged=charged_usage(periods, counted_to=statement.counted_to),
            stated=stated_usage(periods, before=statement.pk),
        )
    )
    own = Statement.objects.filter(organisation_id=statement.organisation_id)
    last = own.filter(pk__lt=statement.pk).order_by("-pk").first()
    carried = last.carried_out_nano if last else 0
    charges = [line.charge_nano for line in wanted]
    priced = list(
        in_minor_units(charges, carried_nano=carried, currency=statement.currency)
    )
    right = {
        Subject(line.coverage.pk, line.model, line.tier): (
            line.percent,
            line.usage_nano,
            line.charge_nano,
            money.amount,
        )
        for line, money in zip(wanted, priced, strict=True)
    }
    told = {
        Subject(line.coverage_id, line.model, line.tier): (
            line.percent,
            line.usage_nano,
            line.charge_nano,
            line.amount,
        )
        for line in statement.lines.all()
    }
    for key in sorted({*right, *told}):
        if right.get(key) != told.get(key):
            name = key.model or f"tier {key.tier}"
            yield f"{statement} {name}: {told.get(key)}, the ledger {right.get(key)}"
    sums = (
        sum(each.amount for each in priced),
        carried,
        carried_after(priced, carried_nano=carried, currency=statement.currency),
    )
    kept = (statement.amount, statement.carried_in_nano, statement.carried_out_nano)
    if kept != sums:
        yield f"{statement}: sums {kept}, the ledger {sums}"


def _compare_items(begun: datetime) -> tuple[int, list[str]]:
    """Return how many lines were compared with Stripe's items, and what differs."""
    theirs: dict[str, list[InvoiceItem]] = {}
    for item in items.items_since(begun - SKEW):
        theirs.setdefault(item.reference, []).append(item)
    owners = _owners_of_customers()
    count, found = 0, []
    late = timezone.now() - PATIENCE
    lines = StatementLine.objects.filter(statement__closed_at__gte=begun)
    for line in lines.select_related("statement").iterator():
        count += 1
        there = theirs.pop(line.public_id, [])
        is_new = line.statement.closed_at > late
        if line.item_id is None and (not line.amount or is_new) and not there:
            # Nothing to send, or on its way.
            continue
        if len(there) != 1:
            found.append(f"{line}: {len(there)} items at Stripe, expected one")
        for item in there:
            owner = owners.get(item.customer_id)
            ours = (line.item_id, line.amount, line.statement.currency)
            told = (item.id, item.amount, item.currency)
            if ours != told and not (line.item_id is None and is_new):
                found.append(f"{line}: {ours}, Stripe {told}")
            elif owner != line.statement.organisation_id:
                found.append(f"{line}: on the invoice of {item.customer_id}")
    known = StatementLine.objects.filter(public_id__in=theirs)
    older = set(known.values_list("public_id", flat=True))
    found += [
        f"{reference}: an item of {format_minor(item.amount, item.currency)} that we"
        " never stated"
        for reference, surplus in theirs.items()
        for item in surplus
        if reference not in older
    ]
    return count, found


def _owners_of_customers() -> dict[str, int]:
    """Return whose each customer is or was, by its id at Stripe."""
    former = FormerCustomer.objects.values_list("stripe_id", "organisation_id")
    accounts = BillingAccount.objects.exclude(stripe_customer_id=None)
    current = accounts.values_list("stripe_customer_id", "pk")
    return {**dict(former), **{str(name): pk for name, pk in current}}
