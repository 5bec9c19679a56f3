"""What messages are about, and who may still see it.

A message is a copy: what it was made of may be moved or hidden after it. So it names
what it is about, and the app that owns that says who may see it now.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.models import User

Scope = Callable[[User], QuerySet[Any]]
_scopes: dict[str, Scope] = {}
_silences: list["Silence"] = []


def register(kind: str, scope: Scope) -> None:
    """Show messages about a ``kind`` only to those for whom ``scope`` holds its row.

    ``scope`` returns a queryset of what a person may see; it is asked for one row at
    a time, by its primary key.
    """
    _scopes[kind] = scope


@dataclass(frozen=True, slots=True)
class Silence:
    """Who wants to hear nothing of whom, as the app that knows it answers.

    ``deaf_to`` returns the keys of people who hear nothing of a person, by that one's
    key; ``muted_by`` the keys of those of whom a person hears nothing.
    """

    deaf_to: Callable[[int], QuerySet[Any, int]]
    muted_by: Callable[[User], QuerySet[Any, int]]


def register_silence(
    *,
    deaf_to: Callable[[int], QuerySet[Any, int]],
    muted_by: Callable[[User], QuerySet[Any, int]],
) -> None:
    """Tell nobody of what is done by those of whom they want to hear nothing."""
    _silences.append(Silence(deaf_to, muted_by))


def silences() -> Sequence[Silence]:
    """Return everything that knows who wants to hear nothing of whom."""
    return tuple(_silences)


def scopes() -> dict[str, Scope]:
    """Return the scope of every kind of thing messages are about."""
    return dict(_scopes)
