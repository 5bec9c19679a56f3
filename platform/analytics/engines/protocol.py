"""What a read side can do, whatever keeps it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from django.utils.translation import gettext_lazy as _

from analytics.answers import Answer
from analytics.judging import Dictionary
from analytics.questions import Question
from core.errors import Unavailable


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log's insertion order: a transaction, and an event in it."""

    transaction: int = 0
    event: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """The events after ``since`` up to ``until``, as PostgreSQL writes CSV.

    Its columns are ``analytics.feed.COLUMNS``. ``since`` and ``until`` are its token:
    a read side that is at ``until`` has it.
    """

    file: Path
    since: Position
    until: Position
    rows: int


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Who is behind an event: small files that are written anew when they change.

    ``links`` says whose browser one is; ``people`` which organisation a person is put
    down to and whether figures count them; ``organisations`` which ones are not.
    """

    links: Path
    people: Path
    organisations: Path
    stamp: str


@dataclass(frozen=True, slots=True)
class ReadSide:
    """How far a read side is. ``complete_at`` is when nothing was left to feed."""

    position: Position
    rows: int
    quarantined: int
    files: int
    size: int
    stamp: str
    complete_at: datetime | None


@dataclass(frozen=True, slots=True)
class Volume:
    """One event name as the read side has it; ``fault`` is why it is in quarantine."""

    name: str
    fault: str
    count: int
    recent: int
    last_at: datetime


class QuestionEngine(Protocol):
    """Keeps a copy of the log and answers questions from it."""

    def answer(self, question: Question) -> Answer:
        """Return what is known as of ``state().complete_at``. Raises ``NoAnswer``."""
        ...

    def statements(self, question: Question) -> list[str]:
        """Answer and return what was asked of the store, as a person may read it."""
        ...

    def feed(self, batch: Batch, dictionary: Dictionary) -> bool:
        """Take a batch, once: one that it has is left alone, and the answer is False.

        Raises ``OutOfOrder`` for a batch that does not begin where the last ended.
        """
        ...

    def learn(self, dimensions: Dimensions) -> None:
        """Replace who is behind the events."""
        ...

    def admit(self, dictionary: Dictionary) -> int:
        """Take out of quarantine what the dictionary knows by now; return how many."""
        ...

    def complete(self, at: datetime) -> None:
        """Note that at this moment nothing was left to feed."""
        ...

    def state(self) -> ReadSide:
        """Return how far it is."""
        ...

    def volumes(self, *, since: datetime) -> list[Volume]:
        """Return every event name; ``recent`` counts those from ``since`` on."""
        ...

    def wipe(self) -> None:
        """Forget everything; the log still has it."""
        ...


class NoAnswer(Unavailable):
    """The files are being replaced, or the question needs more memory than it may."""

    code = "no_answer"
    message = _(
        "This could not be answered just now. Try again, or ask about fewer days."
    )


class OutOfOrder(Exception):
    """A batch does not begin where the read side ends."""
