"""What a look of the doctor's says: a status, and one sentence with what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.conf import settings

# In seconds. What answers later is as good as away for those who wait for a page.
PATIENCE = 3


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, and one sentence about it."""

    subject: str
    status: Status
    sentence: str


Said = Iterator[tuple[Status, str]]


def ok(sentence: str) -> tuple[Status, str]:
    return Status.OK, sentence


def warning(sentence: str) -> tuple[Status, str]:
    return Status.WARNING, sentence


def failure(sentence: str) -> tuple[Status, str]:
    return Status.FAILURE, sentence


def cure_of(otherwise: str, *, log: str = "") -> str:
    """Return what to do about a server: on a bare machine they are ours to start."""
    command = getattr(settings, "START_COMMAND", "")
    if not command:
        return otherwise
    if not getattr(settings, "RUNNING_PRODUCT", {}):
        return f"start everything with {command}, or {otherwise}"
    place = f"; if not, {Path(settings.VAR_DIR) / log} says why" if log else ""
    return (
        f"{command} starts what is its own again within ten seconds{place}. "
        f"A server of your own: {otherwise}"
    )


def first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
