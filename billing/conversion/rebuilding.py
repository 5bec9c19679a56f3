"""Deriving every developer's way again, from the activity log and the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Min, Sum

from accounts.models import Organisation, User
from activity.models import FirstTouch
from activity.subscribers import event_name
from billing.conversion.locks import alone
from billing.conversion.milestones import MILESTONES
from billing.conversion.models import Account, Developer
from billing.conversion.services import holder_of
from billing.conversion.unheard import Unheard, unheard_facts
from billing.ledger.models import Invoice, Refund, UsageCost

COMPARED = (
    "source",
    "first_visit_at",
    "signed_up_at",
    "verified_at",
    "first_activity_at",
    "activated_at",
    "first_call_at",
    "checkout_at",
    "paid_at",
    "revenue",
    "cost_nano",
)


ACCOUNT_COMPARED = (
    "developer_id",
    "founder_id",
    "payer_id",
    "payer_since",
    "first_paid_at",
    "revenue",
    "cost_nano",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that was not what the log and the ledger say.

    ``subject`` is ``user 7`` or ``organisation 7``.
    """

    subject: str
    field: str
    was: Any
    should_be: Any


def rebuild() -> list[Difference]:
    """Derive all rows again, replace those that differ and say where they did.

    Facts that arrive meanwhile wait. What was published and not heard here yet is
    left out, since it is added when it is heard.
    """
    with alone():
        return _rebuild()


def _rebuild() -> list[Difference]:
    unheard = unheard_facts()
    expected = _derive_developers(unheard)
    accounts = _derive_accounts(unheard, expected)
    for account in accounts:
        developer = expected[account.developer_id]
        developer.revenue += account.revenue
        developer.cost_nano += account.cost_nano
        if account.first_paid_at is not None:
            paid_at = developer.paid_at or account.first_paid_at
            developer.paid_at = min(paid_at, account.first_paid_at)

    differences = [
        *_compare("user", Developer.objects.in_bulk(), expected, COMPARED),
        *_compare(
            "organisation",
            Account.objects.in_bulk(),
            {account.organisation_id: account for account in accounts},
            ACCOUNT_COMPARED,
        ),
    ]
    # A thousand rows keep a statement below a megabyte.
    Developer.objects.bulk_create(
        expected.values(),
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=COMPARED,
        batch_size=1000,
    )
    Account.objects.exclude(pk__in=[each.organisation_id for each in accounts]).delete()
    # As above.
    Account.objects.bulk_create(
        accounts,
        update_conflicts=True,
        unique_fields=["organisation"],
        update_fields=[name.removesuffix("_id") for name in ACCOUNT_COMPARED],
        batch_size=1000,
    )
    return differences


def _compare(
    kind: str,
    present: Mapping[int, Any],
    expected: Mapping[int, Any],
    names: Sequence[str],
) -> Iterator[Difference]:
    for pk in sorted({*present, *expected}):
        was, should_be = present.get(pk), expected.get(pk)
        for name in names:
            before, after = getattr(was, name, None), getattr(should_be, name, None)
            if before != after:
                yield Difference(f"{kind} {pk}", name, before, after)


def _derive_developers(unheard: Unheard) -> dict[int, Developer]:
    touches = {touch.user_id: touch for touch in FirstTouch.objects.all()}
    visits = _first_visits()
    milestones = _first_milestones(unheard)
    developers = {}
    for pk, joined in User.objects.values_list("pk", "date_joined"):
        reached = milestones.get(pk, {})
        touch = touches.get(pk)
        verified, active = reached.get("verified_at"), reached.get("first_activity_at")
        developers[pk] = Developer(
            user_id=pk,
            signed_up_at=joined,
            source=touch.source if touch else "",
            first_visit_at=visits.get(pk) if touch else None,
            activated_at=max(verified, active) if verified and active else None,
            **reached,
        )
    return developers


def _first_milestones(unheard: Unheard) -> dict[int, dict[str, datetime]]:
    """Return, for each person, the first time of each step the log knows."""
    by_name = {event_name(fact.__name__): steps for fact, steps in MILESTONES.items()}
    reached: dict[int, dict[str, datetime]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, name, min(occurred_at) FROM activity_event"
            " WHERE name = ANY(%s) AND source = 'fact' AND user_id IS NOT NULL"
            " GROUP BY user_id, name",
            [list(by_name)],
        )
        for user_id, name, at in cursor.fetchall():
            steps = reached.setdefault(user_id, {})
            for step in by_name[name]:
                steps[step] = min(steps.get(step, at), at)
    for event in unheard.unlogged:
        if event.user_id is not None:
            steps = reached.setdefault(event.user_id, {})
            for step in by_name.get(event.name, ()):
                at = event.occurred_at
                steps[step] = min(steps.get(step, at), at)
    return reached


def _first_visits() -> dict[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT link.user_id, min(visitor.first_seen_at)"
            " FROM activity_visitorlink link"
            " JOIN activity_visitor visitor ON visitor.id = link.visitor_id"
            " GROUP BY link.user_id"
        )
        return dict(cursor.fetchall())


def _derive_accounts(
    unheard: Unheard, developers: Mapping[int, Developer]
) -> list[Account]:
    """Put each organisation down to one developer, with its money."""
    founders = _first_actors("organisation_created", unheard)
    payers = _first_actors("invoice_paid", unheard)
    payments = _first_payments(unheard)
    revenue = _revenue()
    costs = dict(
        UsageCost.objects.values_list("organisation_id").annotate(Sum("cost_nano"))
    )
    owners = dict(
        Organisation.objects.filter(memberships__role="owner")
        .values_list("pk")
        .annotate(Min("memberships__user_id"))
    )
    counted = set(
        User.objects.filter(is_staff=False, is_internal=False).values_list(
            "pk", flat=True
        )
    )
    in_n = {pk for pk, each in developers.items() if each.activated_at} & counted
    accounts = []
    for pk in Organisation.objects.values_list("pk", flat=True):
        founder_id, _founded_at = founders.get(pk, (owners.get(pk), None))
        payer_id, payer_since = payers.get(pk, (None, None))
        # The log remembers who is gone; the rows let go of them.
        founder_id = founder_id if founder_id in developers else None
        payer_id = payer_id if payer_id in developers else None
        holder = holder_of(founder_id, payer_id, in_n)
        if holder is None:
            continue
        accounts.append(
            Account(
                organisation_id=pk,
                developer_id=holder,
                founder_id=founder_id,
                payer_id=payer_id,
                payer_since=payer_since,
                revenue=revenue.get(pk, 0) - unheard.revenue.get(pk, 0),
                cost_nano=int(costs.get(pk, 0)) - unheard.cost_nano.get(pk, 0),
                first_paid_at=payments.get(pk),
            )
        )
    return accounts


def _first_actors(name: str, unheard: Unheard) -> dict[int, tuple[int, datetime]]:
    """Return who did it first in each organisation, and when."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (organisation_id) organisation_id, user_id, occurred_at"
            " FROM activity_event WHERE name = %s AND source = 'fact'"
            " AND user_id IS NOT NULL AND organisation_id IS NOT NULL"
            " ORDER BY organisation_id, occurred_at, user_id",
            [name],
        )
        found = {pk: (user_id, at) for pk, user_id, at in cursor.fetchall()}
    for event in unheard.unlogged:
        pk, user_id, at = event.organisation_id, event.user_id, event.occurred_at
        if event.name != name or pk is None or user_id is None:
            continue
        # Of two in one second the smaller number is the first, heard of or not.
        if pk not in found or (at, user_id) < found[pk][::-1]:
            found[pk] = (user_id, at)
    return found


def _first_payments(unheard: Unheard) -> dict[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT organisation_id, min(occurred_at) FROM activity_event"
            " WHERE name = 'invoice_paid' AND source = 'fact'"
            " AND organisation_id IS NOT NULL GROUP BY organisation_id"
        )
        found: dict[int, datetime] = dict(cursor.fetchall())
    for event in unheard.unlogged:
        pk, at = event.organisation_id, event.occurred_at
        if event.name == "invoice_paid" and pk is not None:
            found[pk] = min(found.get(pk, at), at)
    return found


def _revenue() -> dict[int, int]:
    """Return net paid revenue in the reporting currency, from the ledger."""
    currency = settings.REPORTING_CURRENCY
    paid = (
        Invoice.objects.paid()
        .filter(currency=currency)
        .values_list("organisation_id")
        .annotate(Sum("revenue"))
    )
    refunded = (
        Refund.objects.filter(invoice__currency=currency, counted_at__isnull=False)
        .values_list("invoice__organisation_id")
        .annotate(Sum("revenue"))
    )
    net = {pk: int(amount) for pk, amount in paid}
    for pk, amount in refunded:
        net[pk] = net.get(pk, 0) - int(amount)
    return net
