"""Keeping the ways that led to payments, and telling authors how far theirs reach."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import MD5, Cast
from django.utils import timezone

from billing.attribution.logged import EndedWay, touches_of
from billing.attribution.models import Touch, Way
from billing.attribution.reach import publish_reach
from billing.conversion.models import Account
from billing.conversion.ranges import DEFAULT_WINDOW
from billing.conversion.rates import paid_on

# "ways": a number no other advisory lock has.
_LOCK = 0x77617973
# Organisations read at once: some thousand events.
CHUNK = 50
# Page views are written within 15 seconds; a payment is looked at when they are there.
SETTLED = timedelta(minutes=1)
# Of those who did not pay so many stand for all: the shares of assets that a third of
# them met are within ±2 points then.
SAMPLE = 2_000
# Ways that are older say little about what is read today.
COMPARED = timedelta(days=365)
# Who has not paid within the usual window after they became active has not paid.
UNPAID_AFTER = timedelta(days=DEFAULT_WINDOW)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let nobody derive ways while a person is forgotten, nor two at once."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        yield


def paid_accounts() -> QuerySet[Account]:
    """Return the organisations with a payment that figures do not leave out."""
    return Account.objects.filter(first_paid_at__isnull=False, excluded_at=None)


def unpaid_accounts() -> QuerySet[Account]:
    """Return those of the last year that could have paid and did not."""
    now = timezone.now()
    return Account.objects.counted().filter(
        first_paid_at=None,
        engaged_at__gt=now - COMPARED,
        engaged_at__lte=now - UNPAID_AFTER,
    )


def replace_due_ways(*, most: int = 1_000) -> int:
    """Derive the ways of organisations whose first payment is news; return how many."""
    known = Way.objects.filter(pk=OuterRef("pk"), is_paid=True).values("ended_at")
    due = (
        paid_accounts()
        .filter(first_paid_at__lte=timezone.now() - SETTLED)
        .annotate(known=Subquery(known))
        .filter(Q(known=None) | ~Q(known=F("first_paid_at")))
        .order_by("pk")
    )
    return _derive(_paid(due[:most]))


def replace_ways() -> int:
    """Derive every way again, drop those nobody needs, and tell authors.

    A browser that was linked, or a person who joined, since the payment belongs to its
    way as well.
    """
    sample = unpaid_accounts().order_by(MD5(Cast("pk", TextField())))[:SAMPLE]
    unpaid = [
        EndedWay(pk, engaged_at + UNPAID_AFTER, is_paid=False)
        for pk, engaged_at in sample.values_list("pk", "engaged_at")
        if engaged_at is not None
    ]
    paid = _paid(paid_accounts().order_by("pk"))
    count = _derive([*paid, *unpaid])
    kept = {way.organisation_id for way in (*paid, *unpaid)}
    surplus = [pk for pk in Way.objects.values_list("pk", flat=True) if pk not in kept]
    Way.objects.filter(pk__in=surplus).delete()
    publish_reach()
    return count


def erase_touches(user_id: int) -> int:
    """Erase what a person met; return how many touches that were."""
    with _one_at_a_time():
        gone, _by_model = Touch.objects.filter(person=user_id).delete()
    return gone


def _paid(accounts: QuerySet[Account]) -> list[EndedWay]:
    return [
        EndedWay(pk, first_paid_at, is_paid=True)
        for pk, first_paid_at in accounts.values_list("pk", "first_paid_at")
        if first_paid_at is not None
    ]


def _derive(ways: Sequence[EndedWay]) -> int:
    for start in range(0, len(ways), CHUNK):
        _replace(ways[start : start + CHUNK])
    return len(ways)


def _replace(ways: Sequence[EndedWay]) -> None:
    """Write ways anew: of what a person met more than once in a day the first."""
    with _one_at_a_time():
        Way.objects.bulk_create(
            [
                Way(
                    organisation_id=way.organisation_id,
                    is_paid=way.is_paid,
                    ended_at=way.ended_at,
                    derived_at=timezone.now(),
                )
                for way in ways
            ],
            update_conflicts=True,
            unique_fields=["organisation"],
            update_fields=["is_paid", "ended_at", "derived_at"],
        )
        met = sorted(touches_of(ways), key=lambda each: each.at)
        Touch.objects.filter(way__in=[way.organisation_id for way in ways]).delete()
        Touch.objects.bulk_create(
            [
                Touch(
                    way_id=each.organisation_id,
                    person_id=each.user_id,
                    kind=each.asset.kind,
                    key=each.asset.key,
                    at=each.at,
                    on=paid_on(each.at),
                )
                for each in met
            ],
            ignore_conflicts=True,
        )
