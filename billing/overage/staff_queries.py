"""Every organisation's periods as staff see them: in which state, and what of it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from billing.credits.models import Coverage
from billing.ledger.models import Invoice
from billing.overage.models import Statement, StatementProblem, WriteOff

# Stripe is away for minutes, not for so long: then a person has to look.
PATIENCE = timedelta(hours=1)
STATES: dict[str, Promise] = {
    "open": pgettext_lazy("statement", "Running"),
    "closing": pgettext_lazy("statement", "Closing"),
    "closed": pgettext_lazy("statement", "Closed"),
    "sent": pgettext_lazy("statement", "On an invoice"),
    "waiting": pgettext_lazy("statement", "Waits for a person"),
    "differs": pgettext_lazy("statement", "Differs"),
    "written_off": pgettext_lazy("statement", "Written off"),
}
COLUMNS = (
    *("organisation", "period_start", "period_end", "state", "usage_charged_nano_usd"),
    *("statement", "amount_minor", "currency", "closed_at", "sent_at"),
)
# Rows held at a time while a file is written: about a megabyte.
CHUNK = 2_000


def months(
    *,
    at: datetime | None = None,
    state: str = "",
    organisation: str = "",
    month: date | None = None,
) -> QuerySet[Coverage]:
    """Return the periods that are charged, each with its statement and its ``state``.

    One state at a time, the one that asks for most: what differs, what waits for a
    person, and then how far it has come.
    """
    moment = at or timezone.now()
    own = Statement.objects.filter(coverage=OuterRef("pk"))
    rows = (
        Coverage.objects.select_related("organisation")
        .annotate(
            statement=Subquery(own.values("public_id")[:1]),
            amount=Subquery(own.values("amount")[:1]),
            currency=Subquery(own.values("currency")[:1]),
            closed_at=Subquery(own.values("closed_at")[:1]),
            sent_at=Subquery(own.values("sent_at")[:1]),
            written_off_at=Subquery(own.values("written_off_at")[:1]),
        )
        .annotate(state=_state(moment))
        .filter(Q(charged_nano__gt=0) | Q(statement__isnull=False))
    )
    if state:
        rows = rows.filter(state=state)
    if organisation:
        rows = rows.filter(organisation__slug=organisation)
    if month is not None:
        rows = rows.filter(month=month)
    return rows


def month_rows(rows: QuerySet[Coverage]) -> Iterator[tuple[Any, ...]]:
    """Yield periods as ``COLUMNS``, the newest first."""
    for row in rows.order_by("-pk").iterator(chunk_size=CHUNK):
        found: Any = row
        yield (
            row.organisation.slug,
            row.starts_at,
            row.ends_at,
            found.state,
            row.charged_nano,
            found.statement or "",
            "" if found.amount is None else found.amount,
            found.currency or "",
            found.closed_at or "",
            found.sent_at or "",
        )


def invoices_of(statement: Statement) -> list[Invoice]:
    """Return the invoices that a statement's lines are known to be on."""
    lines = statement.lines.exclude(invoice_id="").values_list("invoice_id", flat=True)
    return list(Invoice.objects.filter(stripe_id__in=set(lines)).order_by("pk"))


def _state(moment: datetime) -> Case:
    of_row = {"statement__coverage": OuterRef("pk")}
    problems = StatementProblem.objects.filter(**of_row)
    stuck = problems.filter(
        kind=StatementProblem.Kind.NOT_SENT, since__lte=moment - PATIENCE
    )
    undecided = WriteOff.objects.filter(**of_row, state=WriteOff.State.WAITING)
    return Case(
        When(
            Exists(problems.filter(kind=StatementProblem.Kind.DIFFERS)),
            then=Value("differs"),
        ),
        When(Exists(stuck), then=Value("waiting")),
        When(Exists(undecided), then=Value("waiting")),
        When(written_off_at__isnull=False, then=Value("written_off")),
        When(sent_at__isnull=False, then=Value("sent")),
        When(statement__isnull=False, then=Value("closed")),
        When(ends_at__lte=moment, then=Value("closing")),
        default=Value("open"),
        output_field=CharField(),
    )
