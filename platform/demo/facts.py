"""Facts of the past: written and delivered together, not one by one.

What every subscriber would have written is written: the log and the ledger in
bulk, conversion by deriving it again from these, anything else by calling the
subscriber itself. The tests compare this with the outbox's own relay.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from activity.services import NewEvent
from activity.subscribers import event_of
from billing.conversion.rebuilding import rebuild
from billing.ledger.models import UsageCost
from contracts.inference import UsageAggregated
from core.context import request_id
from demo.clock import at
from demo.copying import copy_models, copy_rows, reserve_ids
from jobs.models import Job
from jobs.services import prune
from outbox.models import Event
from outbox.queries import fact_of
from outbox.registry import FACT, ReceivedFact, call, subscribers_of

# As the queue's own nightly pruning has it.
KEPT = timedelta(days=30)
LOG = "activity.subscribers.record_fact"
USAGE = "billing.ledger.subscribers.record_usage"
# These keep up what ``rebuild`` derives from the log and the ledger.
DERIVED = "billing.conversion.subscribers."
# Whom they tell is written with the script itself.
TOLD = "community.forum.subscribers."


@dataclass(slots=True)
class Facts:
    """What was published while rows were written in bulk, in order."""

    published: list[tuple[datetime, Any]] = field(default_factory=list)

    def publish(self, fact: Any, *, moment: datetime) -> None:
        """Note a fact; it is written by ``write``."""
        self.published.append((moment, fact))

    def write(self) -> list[ReceivedFact]:
        """Write the facts as delivered; return them for the subscribers' sake.

        Facts older than the outbox keeps them get a number but no row.
        """
        ids = reserve_ids(Event, len(self.published))
        received = [
            ReceivedFact(pk, type(fact).__name__, fact, moment)
            for pk, (moment, fact) in zip(ids, self.published, strict=True)
        ]
        oldest = timezone.now() - KEPT
        kept = [fact for fact in received if fact.published_at >= oldest]
        copy_models(
            [
                Event(
                    id=one.event_id,
                    name=one.name,
                    payload=asdict(one.fact),
                    request_id=request_id.get(),
                    published_at=one.published_at,
                )
                for one in kept
            ]
        )
        now = timezone.now()
        copy_models(
            [
                Job(
                    kind=FACT,
                    subject=str(one.event_id),
                    part=subscriber,
                    state=Job.State.DONE,
                    attempts=1,
                    due_at=one.published_at,
                    created_at=one.published_at,
                    finished_at=now,
                )
                for one in kept
                for subscriber in subscribers_of(one.name)
            ]
        )
        self.published = []
        return received


def deliver(received: Sequence[ReceivedFact], on_fact: Callable[[int], None]) -> None:
    """Have everybody hear ``received`` and all that waits in the outbox."""
    _hear(list(received))
    on_fact(len(received))
    deliver_waiting(on_fact)
    rebuild()
    prune()


def deliver_waiting(on_fact: Callable[[int], None]) -> None:
    """Have everybody hear what waits in the outbox, and what comes of that."""
    while waiting := _waiting():
        _hear(waiting)
        jobs = Job.objects.pending().about(FACT, *(one.event_id for one in waiting))
        jobs.update(state=Job.State.DONE, finished_at=timezone.now(), attempts=1)
        on_fact(len(waiting))


def write_log(events: Sequence[NewEvent]) -> None:
    """Append events to the log, as ``activity.services.write_events`` does."""
    copy_rows(
        "activity_event",
        [
            *("occurred_at", "name", "visitor_id", "user_id", "organisation_id"),
            *("subject", "path", "source", "properties"),
        ],
        (
            (
                event.occurred_at,
                event.name,
                event.visitor_id,
                event.user_id,
                event.organisation_id,
                event.subject,
                event.path,
                event.source,
                json.dumps(event.properties),
            )
            for event in events
        ),
    )


def _waiting() -> list[ReceivedFact]:
    subjects = Job.objects.pending().filter(kind=FACT).values_list("subject", flat=True)
    events = Event.objects.filter(pk__in={int(subject) for subject in subjects})
    return [fact_of(event) for event in events.order_by("published_at", "pk")]


def _hear(received: list[ReceivedFact]) -> None:
    received.sort(key=lambda one: (one.published_at, one.event_id))
    write_log([event_of(one) for one in received])
    copy_models(
        [
            _cost_of(one.fact, one.published_at)
            for one in received
            if isinstance(one.fact, UsageAggregated)
        ]
    )
    for one in received:
        for subscriber in subscribers_of(one.name):
            if subscriber in {LOG, USAGE} or subscriber.startswith((DERIVED, TOLD)):
                continue
            with at(one.published_at):
                call(subscriber, one)


def _cost_of(fact: UsageAggregated, moment: datetime) -> UsageCost:
    values = asdict(fact)
    window = datetime.fromisoformat(values.pop("window"))
    return UsageCost(**values, window=window, recorded_at=moment)
