"""What happens in the forum, in order: written once, then played or written down.

A script is plain data. ``tests/demo/playing.py`` acts it out through the forum's
services, one action at a time; ``writing`` works out the rows that would leave and
writes those. The tests hold the two to the same rows.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from community.forum.models import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Somebody opens topic ``topic``; its text is post ``post``."""

    moment: datetime
    topic: int
    post: int
    category: Category
    author: User
    title: str
    text: str
    kind: str = "question"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Somebody replies to a topic with post ``post``."""

    moment: datetime
    topic: int
    post: int
    author: User
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Somebody votes on a post, for the first time."""

    moment: datetime
    post: int
    by: User
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """The asker accepts an answer."""

    moment: datetime
    post: int
    by: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Somebody changes a post."""

    moment: datetime
    post: int
    by: User
    text: str
    title: str = ""
    reason: str = ""


Action = Open | Reply | Cast | Accept | Edit


def in_order(actions: list[Action]) -> list[Action]:
    """Return the actions as they follow each other in time."""
    return sorted(actions, key=lambda action: action.moment)
