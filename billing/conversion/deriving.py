"""What the activity log and the ledger say about people and organisations."""

from collections import defaultdict
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import F, Min, Sum

from accounts.models import Organisation
from activity.subscribers import event_name
from billing.conversion.milestones import MILESTONES, ROLES
from billing.conversion.models import GroupMember
from billing.conversion.unheard import Unheard
from billing.ledger.models import Invoice, Refund

# Since when each person has each part: by organisation, then by person and role.
Groups = dict[int, dict[tuple[int, str], datetime]]
ROLE_OF_EVENT = {event_name(fact.__name__): str(role) for fact, role in ROLES.items()}
PAID = "invoice_paid"


def first_milestones(unheard: Unheard) -> dict[int, dict[str, datetime]]:
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


def first_visits() -> dict[int, datetime]:
    """Return when any of each person's browsers first came here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT link.user_id, min(visitor.first_seen_at)"
            " FROM activity_visitorlink link"
            " JOIN activity_visitor visitor ON visitor.id = link.visitor_id"
            " GROUP BY link.user_id"
        )
        return dict(cursor.fetchall())


def groups(unheard: Unheard) -> Groups:
    """Return every organisation's buying group.

    One whose founding the log does not know is taken for its oldest owner's.
    """
    found: Groups = defaultdict(dict)

    def note(pk: int, user_id: int, role: str, at: datetime) -> None:
        part = (user_id, role)
        found[pk][part] = min(found[pk].get(part, at), at)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT organisation_id, user_id, name, min(occurred_at)"
            " FROM activity_event WHERE name = ANY(%s) AND source = 'fact'"
            " AND user_id IS NOT NULL AND organisation_id IS NOT NULL"
            " GROUP BY organisation_id, user_id, name",
            [list(ROLE_OF_EVENT)],
        )
        for pk, user_id, name, at in cursor.fetchall():
            note(pk, user_id, ROLE_OF_EVENT[name], at)
    for event in unheard.unlogged:
        role = ROLE_OF_EVENT.get(event.name)
        if role and event.organisation_id is not None and event.user_id is not None:
            note(event.organisation_id, event.user_id, role, event.occurred_at)

    founder = str(GroupMember.Role.FOUNDER)
    owned = Organisation.objects.filter(memberships__role="owner")
    for pk, created_at, user_id in owned.values_list("pk", "created_at").annotate(
        Min("memberships__user_id")
    ):
        if not any(role == founder for _user_id, role in found[pk]):
            note(pk, user_id, founder, created_at)
    return found


def first_of(unheard: Unheard, *names: str) -> dict[int, datetime]:
    """Return when each organisation first did what one of ``names`` is the event of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT organisation_id, min(occurred_at) FROM activity_event"
            " WHERE name = ANY(%s) AND source = 'fact'"
            " AND organisation_id IS NOT NULL AND (user_id IS NOT NULL OR name = %s)"
            " GROUP BY organisation_id",
            [list(names), PAID],
        )
        found: dict[int, datetime] = dict(cursor.fetchall())
    for event in unheard.unlogged:
        pk, at = event.organisation_id, event.occurred_at
        is_somebodys = event.user_id is not None or event.name == PAID
        if event.name in names and pk is not None and is_somebodys:
            found[pk] = min(found.get(pk, at), at)
    return found


def first_payers(unheard: Unheard) -> dict[int, tuple[datetime, int]]:
    """Return who paid first in each organisation, and when."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (organisation_id) organisation_id, occurred_at, user_id"
            " FROM activity_event WHERE name = %s AND source = 'fact'"
            " AND user_id IS NOT NULL AND organisation_id IS NOT NULL"
            " ORDER BY organisation_id, occurred_at, user_id",
            [PAID],
        )
        found = {pk: (at, user_id) for pk, at, user_id in cursor.fetchall()}
    for event in unheard.unlogged:
        pk, user_id, at = event.organisation_id, event.user_id, event.occurred_at
        if event.name != PAID or pk is None or user_id is None:
            continue
        # Of two in one second the smaller number is the first, heard of or not.
        found[pk] = min(found.get(pk, (at, user_id)), (at, user_id))
    return found


def revenue_by_organisation() -> dict[int, int]:
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


def foreign_invoices() -> dict[int, tuple[int, str, int, datetime]]:
    """Return organisation, currency, net and time of each foreign invoice."""
    paid = Invoice.objects.paid().exclude(currency=settings.REPORTING_CURRENCY)
    refunded = dict(
        Refund.objects.filter(counted_at__isnull=False)
        .exclude(invoice__currency=settings.REPORTING_CURRENCY)
        .values_list("invoice_id")
        .annotate(Sum("revenue"))
    )
    rows = paid.annotate(came_at=F("paid_at")).values_list(
        "pk", "organisation_id", "currency", "revenue", "came_at"
    )
    return {
        pk: (organisation_id, currency, amount - int(refunded.get(pk, 0)), at)
        for pk, organisation_id, currency, amount, at in rows
        if at is not None
    }
