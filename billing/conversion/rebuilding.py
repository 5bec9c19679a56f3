"""Deriving every developer's way again, from the activity log and the ledger."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min, Sum

from accounts.models import Organisation, User
from activity.models import FirstTouch
from activity.subscribers import event_name
from billing.conversion.milestones import MILESTONES
from billing.conversion.models import Account, Developer
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


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that was not what the log and the ledger say."""

    user_id: int
    field: str
    was: Any
    should_be: Any


@transaction.atomic
def rebuild() -> list[Difference]:
    """Derive all rows again, replace those that differ and say where they did."""
    expected = _derive_developers()
    accounts = _derive_accounts()
    for account in accounts:
        developer = expected[account.developer_id]
        developer.revenue += account.revenue
        developer.cost_nano += account.cost_nano
        if account.first_paid_at is not None:
            paid_at = developer.paid_at or account.first_paid_at
            developer.paid_at = min(paid_at, account.first_paid_at)

    present = Developer.objects.in_bulk()
    differences = [
        Difference(
            pk, field, getattr(present.get(pk), field, None), getattr(row, field)
        )
        for pk, row in expected.items()
        for field in COMPARED
        if pk not in present or getattr(present[pk], field) != getattr(row, field)
    ]
    Developer.objects.bulk_create(
        expected.values(),
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=COMPARED,
        batch_size=1000,
    )
    Account.objects.bulk_create(
        accounts,
        update_conflicts=True,
        unique_fields=["organisation"],
        update_fields=["developer", "revenue", "cost_nano", "first_paid_at"],
        batch_size=1000,
    )
    return differences


def _derive_developers() -> dict[int, Developer]:
    touches = {touch.user_id: touch for touch in FirstTouch.objects.all()}
    visits = _first_visits()
    milestones = _first_milestones()
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


def _first_milestones() -> dict[int, dict[str, datetime]]:
    """Return, for each person, the first time of each step the log knows."""
    by_name = {event_name(fact): steps for fact, steps in MILESTONES.items()}
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


def _derive_accounts() -> list[Account]:
    """Put each organisation down to who brought it, with its money."""
    founders = _actors("organisation_created")
    buyers = _first_buyers()
    payments = _first_payments()
    revenue = _revenue()
    costs = dict(
        UsageCost.objects.values_list("organisation_id").annotate(Sum("cost_nano"))
    )
    owners = dict(
        Organisation.objects.filter(memberships__role="owner")
        .values_list("pk")
        .annotate(Min("memberships__user_id"))
    )
    accounts = []
    for pk in Organisation.objects.values_list("pk", flat=True):
        developer_id = buyers.get(pk) or founders.get(pk) or owners.get(pk)
        if developer_id is None:
            continue
        accounts.append(
            Account(
                organisation_id=pk,
                developer_id=developer_id,
                revenue=revenue.get(pk, 0),
                cost_nano=int(costs.get(pk, 0)),
                first_paid_at=payments.get(pk),
            )
        )
    return accounts


def _actors(name: str) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (organisation_id) organisation_id, user_id"
            " FROM activity_event WHERE name = %s AND source = 'fact'"
            " AND user_id IS NOT NULL AND organisation_id IS NOT NULL"
            " ORDER BY organisation_id, occurred_at",
            [name],
        )
        return dict(cursor.fetchall())


def _first_buyers() -> dict[int, int]:
    return _actors("invoice_paid")


def _first_payments() -> dict[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT organisation_id, min(occurred_at) FROM activity_event"
            " WHERE name = 'invoice_paid' AND source = 'fact'"
            " AND organisation_id IS NOT NULL GROUP BY organisation_id"
        )
        return dict(cursor.fetchall())


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
