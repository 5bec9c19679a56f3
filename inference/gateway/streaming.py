"""Watching a stream of events go by without holding it up.

Bytes are passed on as they came, whole events at a time: a piece of the network
may end in the middle of an event, of a line or of a character.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(slots=True)
class Counted:
    """What has been seen of a stream."""

    events: int = 0
    deltas: int = 0
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    is_done: bool = False
    has_finish: bool = False


@dataclass(slots=True)
class StreamScanner:
    """Splits bytes into events, counts them, and leaves out what nobody asked for."""

    wants_usage: bool
    rename: tuple[bytes, bytes] | None = None
    counted: Counted = field(default_factory=Counted)
    rest: bytes = b""

    def feed(self, piece: bytes) -> bytes:
        """Return the whole events that ``piece`` completes, ready to be sent."""
        data = self.rest + piece
        end = _last_boundary(data)
        if end == 0:
            self.rest = data
            return b""
        self.rest = data[end:]
        whole = data[:end]
        if self.rename is not None:
            whole = whole.replace(*self.rename)
        if (
            b'"usage"' not in whole
            and b"[DONE]" not in whole
            and b'"error"' not in whole
        ):
            count = whole.count(b"data:")
            self.counted.events += count
            self.counted.deltas += count
            if b'"finish_reason":"' in whole or b'"finish_reason": "' in whole:
                self.counted.has_finish = True
            return whole
        return b"".join(event for event in _split(whole) if self._keeps(event))

    def finish(self) -> bytes:
        """Return what is left when the upstream ended without a last empty line."""
        if not self.rest.strip():
            return b""
        return self.feed(b"\n\n")

    def _keeps(self, event: bytes) -> bool:
        data = _data_of(event)
        if data is None:
            return True
        self.counted.events += 1
        if data.startswith(b"[DONE]"):
            self.counted.is_done = True
            return True
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            return True
        if not isinstance(value, dict):
            return True
        if value.get("error"):
            error = value["error"]
            self.counted.error = (
                error if isinstance(error, dict) else {"message": str(error)}
            )
        choices = value.get("choices")
        if choices:
            self.counted.deltas += 1
            if any(isinstance(c, dict) and c.get("finish_reason") for c in choices):
                self.counted.has_finish = True
        usage = value.get("usage")
        if isinstance(usage, dict):
            # The last one counts: some servers send a running total in every event.
            self.counted.usage = usage
            return bool(choices) or self.wants_usage
        return True


def _last_boundary(data: bytes) -> int:
    """Return where the last whole event ends."""
    end = 0
    for boundary in (b"\n\n", b"\r\n\r\n", b"\r\r"):
        found = data.rfind(boundary)
        if found >= 0:
            end = max(end, found + len(boundary))
    return end


def _split(whole: bytes) -> list[bytes]:
    """Return the events of ``whole``, each with the empty line that ends it."""
    normal = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return [part + b"\n\n" for part in normal.split(b"\n\n") if part]


def _data_of(event: bytes) -> bytes | None:
    lines = [
        line[5:].lstrip(b" ")
        for line in event.split(b"\n")
        if line.startswith(b"data:")
    ]
    return b"\n".join(lines) if lines else None


def tokens_of(usage: dict[str, Any]) -> tuple[int, int, int]:
    """Return (prompt, cached, completion) tokens, never negative, never absurd."""

    def count(value: Any) -> int:
        return min(max(value, 0), 100_000_000) if isinstance(value, int) else 0

    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    prompt = count(usage.get("prompt_tokens"))
    return prompt, min(count(cached), prompt), count(usage.get("completion_tokens"))
