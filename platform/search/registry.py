"""Who can rebuild which kind of entry, and narrow it by what it knows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from accounts.models import User
from search.services import Findable

Rebuilder = Callable[[], Iterable[Findable]]
Narrow = Callable[[str, User | AnonymousUser], Q]
_rebuilders: dict[str, Rebuilder] = {}
_filters: dict[str, "Filter"] = {}


@dataclass(frozen=True, slots=True)
class Filter:
    """What ``name:value`` in a search means for entries of one kind.

    ``narrow`` gives a condition on entries, for what the reader may see now. It
    raises ``UnknownFilter`` where there is nothing of that name.
    """

    kind: str
    narrow: Narrow


def register(kind: str, rebuilder: Rebuilder) -> None:
    """Have ``rebuilder`` yield every entry of ``kind`` when the index is rebuilt."""
    _rebuilders[kind] = rebuilder


def rebuilders() -> dict[str, Rebuilder]:
    return dict(_rebuilders)


def register_filters(kind: str, filters: Mapping[str, Narrow]) -> None:
    """Let readers narrow what is found of ``kind`` by ``name:value``."""
    _filters.update((name, Filter(kind, narrow)) for name, narrow in filters.items())


def filters() -> dict[str, Filter]:
    return dict(_filters)
