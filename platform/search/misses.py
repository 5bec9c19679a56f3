"""Searches that found nothing, or nothing that holds all they asked for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activity.models import Event
from core.clock import now
from search.text import normalise

# What people missed longer ago has been asked or written since.
SINCE = timedelta(days=30)
# Searches looked at, the newest: a busy month, in a tenth of a second.
MOST_READ = 20_000
# Two screens; who has dealt with those sees the next.
SHOWN = 50


@dataclass(slots=True)
class Miss:
    """One search, however it was capitalised, and how many people missed the same."""

    words: str
    last_at: datetime
    is_empty: bool
    people: set[str] = field(default_factory=set)
    times: int = 0


@dataclass(frozen=True, slots=True)
class UnexplainedCode:
    """Something people met, such as an error code, that nothing explains.

    ``organisations`` is how many met it.
    """

    words: str
    organisations: int


_unanswered: list[Callable[[], list[UnexplainedCode]]] = []


def register_unanswered(find: Callable[[], list[UnexplainedCode]]) -> None:
    """Have the list of misses show what ``find`` finds, too."""
    _unanswered.append(find)


def unanswered() -> list[UnexplainedCode]:
    """Return what people met and nothing explains, as far as anybody can tell."""
    return [each for find in _unanswered for each in find()]


def misses() -> list[Miss]:
    """Return what was not found: nothing at all first, then by people who missed it."""
    searches = Event.objects.filter(
        name="searched", occurred_at__gte=now() - SINCE, properties__is_live=False
    ).order_by("-occurred_at")
    rows = searches.values_list("properties", "occurred_at", "user_id", "visitor_id")
    found: dict[str, Miss] = {}
    for properties, at, user_id, visitor_id in rows[:MOST_READ]:
        words = str(properties.get("query", ""))
        is_empty = not properties.get("results")
        if is_empty or not properties.get("is_whole", True):
            miss = found.setdefault(normalise(words), Miss(words, at, is_empty))
            miss.people.add(str(user_id or visitor_id))
            miss.times += 1
    return _worst(found.values())


def _worst(found: Iterable[Miss]) -> list[Miss]:
    ranked = sorted(
        found,
        key=lambda miss: (miss.is_empty, len(miss.people), miss.times, miss.last_at),
        reverse=True,
    )
    return ranked[:SHOWN]
