"""One run of the comparison: what it may do, what it learned, how it settles."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from django.db import models

from billing.stripe import objects
from billing.stripe.exceptions import NotOurs, StripeError
from billing.stripe.locks import database_now
from billing.subscriptions import cases
from billing.subscriptions.models import Case
from billing.subscriptions.reconciliation.comparing import Unlike

T = TypeVar("T")

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


@dataclass(slots=True)
class Work:
    """One run: what it may do, and what it has learned on its way."""

    fix: bool
    compared: int = 0
    begun_at: datetime = field(default_factory=database_now)
    # The card of each customer's live subscription, where it has one of its own.
    cards: dict[str, objects.Card] = field(default_factory=dict)
    # Invoices by the payment intent that pays them.
    invoice_of: dict[str, str] = field(default_factory=dict)

    def settle(
        self,
        scope: str,
        object_id: str,
        unlike: Unlike,
        *,
        heal: Callable[[], object],
        look: Callable[[], Unlike],
        organisation_id: int | None = None,
    ) -> Iterator[Difference]:
        """Put one object right, or put before staff what stays different."""
        if not unlike:
            return
        left = unlike
        if self.fix:
            _try(heal)
            found = _try(look)
            left = unlike if found is None else found
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

    def vanished(
        self,
        scope: str,
        gone: models.QuerySet[models.Model],
        sync: Callable[[str], object],
    ) -> Iterator[Difference]:
        """Look at what we have and Stripe does not list, and fetch each of them.

        What came while the lists were read is on none of them.
        """
        gone = gone.exclude(fetched_at__gte=self.begun_at)
        for pk, stripe_id in list(gone.values_list("pk", "stripe_id")):

            def look(pk: int = pk) -> Unlike:
                return _GONE if gone.filter(pk=pk).exists() else {}

            def heal(stripe_id: str = stripe_id) -> object:
                return sync(stripe_id)

            yield from self.settle(scope, stripe_id, _GONE, heal=heal, look=look)

    def rename(
        self, scope: str, rows: models.QuerySet[models.Model], before: str, after: str
    ) -> Iterator[Difference]:
        """Give a row the id Stripe knows it by.

        Else the object would be written, and told, a second time.
        """
        is_renamed = rows.filter(stripe_id=before).update(stripe_id=after)
        if is_renamed:
            yield self.repair(scope, after, "stripe_id", before, after)

    def repair(
        self, scope: str, object_id: str, name: str, ours: object, theirs: object
    ) -> Difference:
        """Tell of what we know to put right ourselves, whenever we may."""
        return Difference(
            scope=scope,
            object_id=object_id,
            field=name,
            ours=str(ours),
            theirs=str(theirs),
            is_fixed=self.fix,
        )


_GONE: Unlike = {"object": ("there", "missing")}


def batches(found: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Yield what was found, ``size`` at a time."""
    rest = iter(found)
    while some := list(islice(rest, size)):
        yield some


def _try(act: Callable[[], T]) -> T | None:
    """Return what comes of it, or nothing where Stripe will not have it."""
    try:
        return act()
    except (NotOurs, StripeError):
        return None
