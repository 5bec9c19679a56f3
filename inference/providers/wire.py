"""What is said to a compatible server, and how what it says is read."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from string import digits
from typing import Any

import orjson

_STREAM_OPTIONS = ("continuous_usage_stats", "include_obfuscation")
# Every escape, one after the other; the last kind is half a character on its own.
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}"
    r"|\\(u[dD][89a-fA-F][\da-fA-F]{2})"
    r"|\\.",
    re.DOTALL,
)


class Unreadable(Exception):
    """What an upstream sent is no JSON, or none of the answer's shape."""


def loads(data: bytes) -> Any:
    """Read JSON, with what some servers write in it though it is none.

    That is NaN and Infinity, and half a character where text was cut between two
    events: it is read as U+FFFD. What is read can be written again. Raises
    ``Unreadable``.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(_ESCAPES.sub(_whole, data.decode()), parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable from error


def dumps(value: Any) -> bytes:
    """Write JSON again that was read. Raises ``Unreadable`` for what is too deep."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise Unreadable from error


def _whole(escape: "re.Match[str]") -> str:
    return r"\ufffd" if escape[1] else escape[0]


def _number(written: str) -> int | float:
    """Return a whole number as the fast reader does: beyond 64 bits as a fraction."""
    value = int(written)
    return value if -(2**63) <= value < 2**64 else float(written)


def sent(
    payload: dict[str, Any], *, most_out: int, name: str, is_stream: bool
) -> dict[str, Any]:
    """Return the fields that are sent, with the longest answer always among them.

    ``most_out`` is the effective maximum of one answer, 0 where none is written.
    """
    fields = {
        key: value
        for key, value in payload.items()
        if key not in {"max_tokens", "max_completion_tokens", "stream"}
    }
    if is_stream:
        options = payload.get("stream_options") or {}
        kept = {key: options[key] for key in _STREAM_OPTIONS if key in options}
        # Always asked for, hidden again from callers who did not ask.
        fields |= {"stream": True, "stream_options": {**kept, "include_usage": True}}
    else:
        fields.pop("stream_options", None)
    if most_out:
        fields[name] = most_out
    return fields


def sent_natively(payload: dict[str, Any], most_out: int, name: str) -> dict[str, Any]:
    """Return the fields of another protocol; ``name`` says the longest answer."""
    kept = {key: value for key, value in payload.items() if key != "stream"}
    return kept | {name: most_out}


def as_events(value: dict[str, Any]) -> bytes:
    """Return a whole answer as the stream that was asked for.

    Raises ``Unreadable`` for what is none, such as a word that it will come later.
    """
    choices = value.get("choices")
    if not isinstance(choices, list):
        raise Unreadable
    events: list[dict[str, Any]] = []
    for choice in choices:
        if isinstance(choice, dict) and isinstance(choice.get("message"), dict):
            message = dict(choice["message"])
            calls = message.get("tool_calls")
            if isinstance(calls, list):
                message["tool_calls"] = [
                    {"index": index, **call}
                    for index, call in enumerate(calls)
                    if isinstance(call, dict)
                ]
            choice = {**choice, "delta": message}
            del choice["message"]
        events.append({"choices": [choice]})
    if value.get("usage") is not None:
        events.append({"choices": [], "usage": value["usage"]})
    lines = [b"data: " + dumps(event) + b"\n\n" for event in events]
    return b"".join(lines) + b"data: [DONE]\n\n"


def seconds_of(headers: Mapping[str, str]) -> float | None:
    """Return how long an upstream asks to be left alone, by either header.

    Seconds may have a fraction, or be a date.
    """
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return _positive(float(milliseconds) / 1000)
        text = headers.get("retry-after", "").strip()
        if not text:
            return None
        if text[0] in digits:
            return _positive(float(text))
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return _positive((moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None


def _positive(seconds: float) -> float | None:
    return max(0.0, seconds) if math.isfinite(seconds) else None
