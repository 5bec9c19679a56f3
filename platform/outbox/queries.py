"""Facts as they were published."""

from collections.abc import Collection, Iterator

from jobs.models import Job
from outbox.models import Event
from outbox.registry import FACT, ReceivedFact, load_fact


def fact_of(event: Event) -> ReceivedFact:
    """Return a fact with its circumstances. Raises ``LookupError`` if it is unknown."""
    fact = load_fact(event.name, event.payload)
    return ReceivedFact(event.pk, event.name, fact, event.published_at)


def unheard_by(
    *subscribers: str, names: Collection[str] | None = None
) -> Iterator[ReceivedFact]:
    """Yield the facts each has not heard, given up ones too, in their order."""
    jobs = Job.objects.unfinished().filter(kind=FACT, part__in=subscribers)
    waiting = sorted(int(pk) for pk in jobs.values_list("subject", flat=True))
    events = Event.objects.in_bulk(waiting)
    for pk in waiting:
        event = events[pk]
        if names is None or event.name in names:
            yield fact_of(event)
