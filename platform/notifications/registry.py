"""What messages are about, and who may still see it.

A message is a copy: what it was made of may be moved, hidden or changed after it. So
it names what it is about, and the app that owns that says who may see it now, and what
it says now.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import User

Scope = Callable[[User], QuerySet[Any]]
# What messages (``Notification``) say now, title and body, by their primary keys; in
# the active language.
Wording = Callable[[Sequence[Any]], Mapping[int, tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it leaves."""

    to: str
    subject: str
    text: str
    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)


# What a mail of a kind says, to whom and as of when it was written down; ``None`` when
# there is nothing to say any more.
Writing = Callable[[User, datetime], Letter | None]
_writings: dict[str, Writing] = {}
_scopes: dict[str, Scope] = {}
_wordings: dict[str, Wording] = {}
_silences: list["Silence"] = []


def register(kind: str, scope: Scope, wording: Wording | None = None) -> None:
    """Show messages about a ``kind`` only to those for whom ``scope`` holds its row.

    ``scope`` returns a queryset of what a person may see; it is asked for one row at
    a time, by its primary key. Where rows may be changed after a message about them,
    ``wording`` returns what the messages say now; one it leaves out stays as it was.
    """
    _scopes[kind] = scope
    if wording is not None:
        _wordings[kind] = wording


def register_writing(kind: str, write: Writing) -> None:
    """Have mails of a ``kind`` that were written down without a text say ``write``.

    It is asked when they leave, which may be long after: what they name may have been
    moved or hidden meanwhile.
    """
    _writings[kind] = write


def writing_of(kind: str) -> Writing | None:
    """Return what says the text of mails of a kind, or nothing."""
    return _writings.get(kind)


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


def wordings() -> dict[str, Wording]:
    """Return who says what messages say now, by the kind of thing they are about."""
    return dict(_wordings)


def scopes() -> dict[str, Scope]:
    """Return the scope of every kind of thing messages are about."""
    return dict(_scopes)
