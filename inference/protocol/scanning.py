"""Watching a stream of events go by without holding it up.

A piece of the network may end in the middle of an event, of a line or of a
character. What the model wrote is passed on byte by byte; what is around it is
ours (see ``answers``), so comments, names and versions of the upstream end here.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from inference.protocol.answers import Envelope, error_in, has_finished, hide
from inference.protocol.estimates import TextSize, add_choice
from inference.protocol.metering import (
    Tokens,
    UsageBounds,
    joined,
    meter,
    read_usage,
    usage_in,
)
from inference.providers.base import StreamBroke
from inference.providers.wire import Unreadable, dumps, loads

MAX_EVENT = 16_000_000  # a picture or a recording comes in one event
DONE = b"data: [DONE]\n\n"
# Two ends of a line, of which there are three kinds, also one of each.
_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\n\r\n?|\r\r")
_LINE = re.compile(rb"\r\n|\n|\r")


@dataclass(slots=True)
class StreamCount:
    """What has been seen of a stream."""

    written: TextSize = field(default_factory=TextSize)
    # What was written after ``usage`` was told.
    since: TextSize = field(default_factory=TextSize)
    usage: Any = None
    error: Any = None
    has_content: bool = False
    is_done: bool = False
    seen: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        """Tell whether the model said that it ends, in either of the two ways."""
        return self.is_done or bool(self.finished and self.finished >= self.seen)

    def tokens(self, bounds: UsageBounds) -> Tokens:
        """Return what has been used so far."""
        return meter(self.usage, self.written, bounds, since=self.since)


@dataclass(slots=True)
class StreamScanner:
    """Splits bytes into events, counts them, and writes them as the caller's own."""

    envelope: Envelope
    bounds: UsageBounds
    wants_usage: bool = False
    # The keys of the upstream, which are in nothing that is passed on.
    secrets: tuple[bytes, ...] = ()
    counted: StreamCount = field(default_factory=StreamCount)
    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def feed(self, piece: bytes) -> bytes:
        """Return the whole events that ``piece`` completes, ready to be sent.

        Raises ``StreamBroke`` for an event without an end.
        """
        # A boundary may begin in the pieces before.
        seam = b"".join(self.parts[-3:])[-3:]
        end = _last_boundary(seam + piece) - len(seam)
        if end <= 0:
            self.parts.append(piece)
            self.size += len(piece)
            if self.size > MAX_EVENT:
                raise StreamBroke
            return b""
        whole = b"".join([*self.parts, piece[:end]])
        rest = piece[end:]
        self.parts = [rest] if rest else []
        self.size = len(rest)
        return b"".join(self._event(event) for event in _BOUNDARY.split(whole))

    def finish(self) -> bytes:
        """Return what is left when the upstream has ended, and the end it owes.

        It may leave out the last empty line, and the sign of the end after a model
        that said it has finished.
        """
        out = self.feed(b"\n\n") if b"".join(self.parts).strip() else b""
        counted = self.counted
        if counted.is_whole and not counted.is_done and not counted.error:
            out += self._end()
        return out

    def _event(self, event: bytes) -> bytes:
        """Count one event; return it as the caller is to see it."""
        data = _data_of(event)
        counted = self.counted
        # After an error or the end nothing is worth hearing.
        if not data or counted.is_done or counted.error:
            return b""
        if data.startswith(b"[DONE]"):
            return self._end()
        try:
            value = loads(data)
        except Unreadable:
            # No client could read it either.
            return b""
        if not isinstance(value, dict):
            return b""
        choices = value.get("choices")
        choices = choices if isinstance(choices, list) else []
        counted.error = value.get("error") or error_in(value)
        if not counted.error and value.get("object") == "error":
            counted.error = value
        if choices and not counted.error:
            self._count(choices)
        self._hear_usage(value)
        if not choices or counted.error:
            return b""
        try:
            answer = self.envelope.answer_of(data, value)
        except Unreadable:
            return b""
        told = b"null" if self.wants_usage else b""
        answer = hide(answer, self.secrets)
        return b"data: " + self.envelope.wrap(answer, told) + b"\n\n"

    def _count(self, choices: list[Any]) -> None:
        counted = self.counted
        for choice in choices:
            if not isinstance(choice, dict):
                continue
            index = choice.get("index")
            index = index if isinstance(index, int) else 0
            counted.seen.add(index)
            piece = TextSize()
            if add_choice(piece, choice):
                counted.has_content = True
                for size in (counted.written, counted.since):
                    size.plain += piece.plain
                    size.wide += piece.wide
                    size.texts += 1
            if has_finished(choice):
                counted.has_content = True
                counted.finished.add(index)

    def _hear_usage(self, value: dict[str, Any]) -> None:
        usage = usage_in(value)
        if usage is None:
            return
        # The last that can be read: some servers send a running total in each event.
        counted = self.counted
        said = read_usage(usage)
        if counted.usage is not None and not (said.is_readable and said.tells_any):
            # Nothing at the end takes nothing back of what was told before.
            return
        if isinstance(counted.usage, dict) and isinstance(usage, dict):
            usage = joined(counted.usage, usage)
        counted.usage = usage
        counted.since = TextSize()

    def _end(self) -> bytes:
        """Return the sign of the end, after the usage that was asked for."""
        self.counted.is_done = True
        if not self.wants_usage:
            return DONE
        told = orjson.dumps(self.counted.tokens(self.bounds).told())
        return b"data: " + self.envelope.wrap(b"[]", told) + b"\n\n" + DONE


class PassingScanner(StreamScanner, ABC):
    """Watches events of another protocol, which say their kind in ``type``."""

    @abstractmethod
    def hear(self, kind: str, value: dict[str, Any], data: bytes) -> bytes:
        """Count one event; return it as the caller is to see it."""

    @abstractmethod
    def end(self) -> bytes:
        """Return the end that the upstream left out."""

    def _event(self, event: bytes) -> bytes:
        data = _data_of(event)
        if not data or self.counted.is_done or self.counted.error:
            return b""
        data = hide(data, self.secrets)
        try:
            value = loads(data)
        except Unreadable:
            return b""
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            # Some servers send an error in the shape of the others.
            self.counted.error = value.get("error") if isinstance(value, dict) else None
            return b""
        try:
            return self.hear(kind, value, data)
        except Unreadable:
            return b""

    def _end(self) -> bytes:
        return self.end()

    def count(self, add: Callable[[TextSize], bool]) -> None:
        """Count what one event says."""
        piece = TextSize()
        self.counted.seen.add(0)
        if add(piece):
            self.counted.has_content = True
            for size in (self.counted.written, self.counted.since):
                size.plain += piece.plain
                size.wide += piece.wide
                size.texts += 1

    def finish_one(self) -> None:
        """Note that the model said it ends."""
        self.counted.has_content = True
        self.counted.seen.add(0)
        self.counted.finished.add(0)

    def pass_on(
        self, kind: str, value: dict[str, Any], data: bytes, known: set[str]
    ) -> bytes:
        """Return an event as it came, without what is not ``known``."""
        if not value.keys() <= known or b"\n" in data or b"\r" in data:
            return self.write(kind, {k: v for k, v in value.items() if k in known})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)

    def write(self, kind: str, value: dict[str, Any]) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), dumps(value))


def _last_boundary(data: bytes) -> int:
    """Return where the last whole event ends."""
    end = 0
    for boundary in (b"\n\n", b"\r\n\r\n", b"\n\r", b"\r\r"):
        found = data.rfind(boundary)
        if found >= 0:
            end = max(end, found + len(boundary))
    return end


def _data_of(event: bytes) -> bytes:
    if event.startswith(b"data:") and b"\n" not in event and b"\r" not in event:
        return event[5:].strip()
    lines = [
        line[5:].removeprefix(b" ")
        for line in _LINE.split(event.removeprefix(b"\xef\xbb\xbf"))
        if line.startswith(b"data:")
    ]
    return b"\n".join(lines).strip()
