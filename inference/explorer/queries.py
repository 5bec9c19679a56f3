"""Which calls are meant, and how failures sort."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from core.reading import Values
from inference.usage.models import UsageEvent
from inference.usage.periods import DAYS, Period

MOST_CODE = MOST_KEY = 40  # what the columns hold
# Codes a page lists; there are some thirty in all.
MOST_CODES = 100
# An id of ours, or the end of an answer's, which holds the same.
_ANSWERS = ("chatcmpl-", "cmpl-", "resp_", "msg_")


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """What is looked for, as the address says it."""

    period: Period
    text: str
    model: str
    status: str
    code: str
    key: str
    organisation: str

    @classmethod
    def read(cls, asked: Values, *, default: str) -> "RequestFilter":
        """Read a page's address. Raises ``Unreadable``."""
        return cls(
            period=Period.named(asked.choice("range", DAYS, default=default)),
            text=asked.text("q"),
            model=asked.text("model"),
            status=asked.choice("status", ["failed", *UsageEvent.Status.values]),
            code=asked.text("code", most=MOST_CODE),
            key=asked.text("key", most=MOST_KEY),
            organisation=asked.text("organisation"),
        )

    @property
    def request_id(self) -> str:
        """The id of the call that is named, as its row has it."""
        for start in _ANSWERS:
            if self.text.startswith(start):
                return f"req_{self.text.removeprefix(start)}"
        return self.text

    @property
    def query(self) -> dict[str, str]:
        """What the address says beside where a page begins."""
        told = {
            "range": self.period.name,
            "q": self.text,
            "model": self.model,
            "status": self.status,
            "code": self.code,
            "key": self.key,
            "organisation": self.organisation,
        }
        return {name: value for name, value in told.items() if value}


def found(
    lookup: RequestFilter, *, organisation_id: int | None
) -> QuerySet[UsageEvent]:
    """Return the calls that are looked for, of one organisation or of all.

    One that is named by its id is found whenever it was.
    """
    events = UsageEvent.objects.select_related("key", "key__project", "organisation")
    if organisation_id is not None:
        events = events.filter(organisation_id=organisation_id)
    elif lookup.organisation:
        events = events.filter(organisation__slug=lookup.organisation)
    if lookup.text:
        ids = Q(request_id=lookup.request_id)
        if organisation_id is not None:
            # Their own name for it; of everybody's there is no index.
            ids |= Q(client_request_id=lookup.text)
        events = events.filter(ids)
    else:
        events = within(events, lookup.period.start, lookup.period.end)
    if lookup.model:
        events = events.filter(model=lookup.model)
    if lookup.status == "failed":
        events = events.exclude(status=UsageEvent.Status.OK)
    elif lookup.status:
        events = events.filter(status=lookup.status)
    if lookup.code:
        events = events.filter(error_code=lookup.code)
    if lookup.key:
        events = events.filter(key__public_id=lookup.key)
    return events


def within(
    events: QuerySet[UsageEvent], start: datetime, end: datetime
) -> QuerySet[UsageEvent]:
    return events.filter(occurred_at__gte=start, occurred_at__lt=end)


def by_code(
    lookup: RequestFilter, *, organisation_id: int | None
) -> Sequence[dict[str, Any]]:
    """Return the failures by code, the most frequent first. One query."""
    events = found(lookup, organisation_id=organisation_id).exclude(error_code="")
    rows = (
        events.values("error_code")
        .annotate(
            calls=Count("pk"),
            models=Count("model", distinct=True),
            organisations=Count("organisation", distinct=True),
            last_at=Max("occurred_at"),
        )
        .order_by("-calls", "error_code")[:MOST_CODES]
    )
    return [{**row} for row in rows]
