"""Watching a stream of events go by without holding it up.

Bytes are passed on as they came, whole events at a time: a piece of the network
may end in the middle of an event, of a line or of a character. Only two things
are ever changed: the upstream's own name of the model, and usage that was not
asked for.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from inference.providers.base import StreamBroke

MAX_EVENT = 16_000_000
# Inside a JSON string the quotes would be escaped, so text never matches.
_MODEL = re.compile(rb'"model":\s*"(?:[^"\\]|\\.)*"')
_BOUNDARY = re.compile(rb"\n\n|\r\n\r\n|\r\r")


@dataclass(slots=True)
class Counted:
    """What has been seen of a stream."""

    events: int = 0
    deltas: int = 0
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    is_done: bool = False


@dataclass(slots=True)
class StreamScanner:
    """Splits bytes into events, counts them, and leaves out what nobody asked for.

    ``model`` is the JSON text that replaces the upstream's name of the model.
    """

    wants_usage: bool
    model: bytes | None = None
    estimated_in: int = 0
    counted: Counted = field(default_factory=Counted)
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    has_told_usage: bool = False
    last: dict[str, Any] = field(default_factory=dict)

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
        return self._pass(whole)

    def finish(self) -> bytes:
        """Return what is left when the upstream ended without a last empty line."""
        if not b"".join(self.parts).strip():
            return b""
        return self.feed(b"\n\n")

    def _pass(self, whole: bytes) -> bytes:
        if self.model is not None:
            replacement = b'"model":' + self.model
            whole = _MODEL.sub(lambda _: replacement, whole)
        if (
            b'"usage"' not in whole
            and b"[DONE]" not in whole
            and b'"error"' not in whole
            and b"\r" not in whole
        ):
            # JSON has no line breaks of its own, so each of these begins an event.
            count = whole.startswith(b"data:") + whole.count(b"\ndata:")
            self.counted.events += count
            self.counted.deltas += count
            return whole
        return b"".join(self._event(event) for event in _split(whole))

    def _event(self, event: bytes) -> bytes:
        """Count one event; return it as the caller is to see it."""
        data = _data_of(event)
        if data is None:
            return event
        self.counted.events += 1
        if data.startswith(b"[DONE]"):
            self.counted.is_done = True
            return self._missing_usage() + event
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            return event
        if not isinstance(value, dict):
            return event
        if value.get("error"):
            error = value["error"]
            self.counted.error = (
                error if isinstance(error, dict) else {"message": str(error)}
            )
        choices = value.get("choices")
        if choices:
            self.counted.deltas += 1
            self.last = value
        usage = value.get("usage")
        if not isinstance(usage, dict):
            return event
        # The last one counts: some servers send a running total in every event.
        self.counted.usage = usage
        if not choices:
            self.has_told_usage = True
            return event if self.wants_usage else b""
        return _without_usage(event, value)

    def _missing_usage(self) -> bytes:
        """Return the usage event an upstream owes a caller who asked for it."""
        if not self.wants_usage or self.has_told_usage or not self.last:
            return b""
        prompt, _, completion = (
            tokens_of(self.counted.usage)
            if self.counted.usage
            else (self.estimated_in, 0, self.counted.deltas)
        )
        usage = self.counted.usage or {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        kept = {
            name: self.last[name]
            for name in ("id", "object", "created", "model", "system_fingerprint")
            if name in self.last
        }
        body = orjson.dumps({**kept, "choices": [], "usage": usage})
        return b"data: " + body + b"\n\n"


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
    events = []
    start = 0
    for boundary in _BOUNDARY.finditer(whole):
        events.append(whole[start : boundary.end()])
        start = boundary.end()
    if start < len(whole):
        events.append(whole[start:])
    return events


def _data_of(event: bytes) -> bytes | None:
    lines = [
        line[5:].removeprefix(b" ")
        for line in event.splitlines()
        if line.startswith(b"data:")
    ]
    return b"\n".join(lines) if lines else None


def _without_usage(event: bytes, value: dict[str, Any]) -> bytes:
    """Return a delta whose ``usage`` is null, every other byte as it came."""
    wanted = {**value, "usage": None}
    for key in re.finditer(rb'"usage":\s*(?=\{)', event):
        end = _object_end(event, key.end())
        changed = event[: key.end()] + b"null" + event[end:]
        try:
            if orjson.loads(_data_of(changed) or b"") == wanted:
                return changed
        except orjson.JSONDecodeError:
            continue
    return event


def _object_end(data: bytes, start: int) -> int:
    """Return where the JSON object that begins at ``start`` ends."""
    depth = 0
    for sign in re.finditer(rb'"(?:[^"\\]|\\.)*"|[{}]', data[start:]):
        depth += {b"{": 1, b"}": -1}.get(sign.group(), 0)
        if depth == 0:
            return start + sign.end()
    return len(data)


def tokens_of(usage: dict[str, Any]) -> tuple[int, int, int]:
    """Return (prompt, cached, completion) tokens, never negative, never absurd."""

    def count(value: Any) -> int:
        return min(max(value, 0), 100_000_000) if isinstance(value, int) else 0

    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    prompt = count(usage.get("prompt_tokens"))
    return prompt, min(count(cached), prompt), count(usage.get("completion_tokens"))
