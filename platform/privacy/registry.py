"""What is kept of a person, and what stands in the way of their leaving.

The areas know both: each brings its parts of the copy, and its obstacles.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from accounts.models import User

Rows = Callable[[User], Iterable[Mapping[str, Any]]]
_parts: dict[str, Rows] = {}
_watchers: list[Callable[[User], Iterable["Obstacle"]]] = []


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an account cannot be closed now: a sentence, and the page to change it at."""

    reason: str
    url: str
    label: str | Promise


def register_part(name: str, rows: Rows) -> None:
    """Have ``rows`` of a person in their copy, as ``name.ndjson``.

    Each row is plain: texts, numbers, moments, lists and dicts of these. No row holds
    a secret, or what another person wrote for themselves.
    """
    if name in _parts:
        raise ValueError(f"There is a part called {name} already.")
    _parts[name] = rows


def register_obstacles(find: Callable[[User], Iterable[Obstacle]]) -> None:
    """Ask ``find`` before an account is closed, and again before it is erased."""
    _watchers.append(find)


def parts() -> dict[str, Rows]:
    """Return every part of a copy by its name, in the order of the names."""
    return {name: _parts[name] for name in sorted(_parts)}


def find_obstacles(user: User) -> list[Obstacle]:
    """Return everything that stands in the way of ``user``'s leaving."""
    return [each for find in _watchers for each in find(user)]
