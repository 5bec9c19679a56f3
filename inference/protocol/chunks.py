"""What a chat's answer says, whole or event by event, for those who word it anew.

The bytes are the gateway's own (``answers``, ``scanning``): whole events, the usage
that is billed, an error in our words. So nothing here is guarded against upstreams
beyond what a model may write.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from inference.providers.wire import Unreadable, loads

_DATA = b"data: "


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of a tool call; ``id`` and ``name`` are empty after the first."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the one choice of an answer, or of one event, says."""

    thought: str = ""
    text: str = ""
    refusal: str = ""
    calls: tuple[CallPiece, ...] = ()
    finish: str = ""
    # The text that ended the answer, where the server tells it.
    stopped_by: str | None = None
    logprobs: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """The usage as it is billed."""

    tokens_in: int = 0
    cached: int = 0
    tokens_out: int = 0
    thought: int | None = None


@dataclass(frozen=True, slots=True)
class ChatEvent:
    """One event of a chat's stream. Of a silence, nothing is set."""

    said: Said | None = None
    told: Told | None = None
    error: dict[str, Any] = field(default_factory=dict)
    is_done: bool = False


def events_of(piece: bytes) -> Iterator[ChatEvent]:
    """Yield the events of a piece, which ends where one of them ends."""
    for event in piece.split(b"\n\n"):
        if not event:
            continue
        if not event.startswith(_DATA):
            yield ChatEvent()
            continue
        data = event[len(_DATA) :]
        if data.startswith(b"[DONE]"):
            yield ChatEvent(is_done=True)
            continue
        value = _read(data)
        error = value.get("error")
        if isinstance(error, dict):
            yield ChatEvent(error=error)
            continue
        yield ChatEvent(said=said_of(value), told=told_of(value))


def error_in_event(piece: bytes) -> dict[str, Any] | None:
    """Return the error of an event in the gateway's own words, if it is one."""
    if not piece.startswith(_DATA):
        return None
    return next((event.error for event in events_of(piece) if event.error), None)


def answer_of(body: bytes) -> tuple[Said, Told]:
    """Return what a whole answer says and what it used."""
    value = _read(body)
    return said_of(value) or Said(), told_of(value) or Told()


def said_of(value: dict[str, Any]) -> Said | None:
    """Return what the first choice says, ``None`` where there is none."""
    for choice in value.get("choices") or ():
        if isinstance(choice, dict) and (choice.get("index") or 0) == 0:
            return _said(choice)
    return None


def told_of(value: dict[str, Any]) -> Told | None:
    """Return the usage that our own envelope tells, ``None`` where it tells none."""
    usage = value.get("usage")
    if not usage:
        return None
    thought = usage.get("completion_tokens_details")
    return Told(
        tokens_in=usage["prompt_tokens"],
        cached=usage["prompt_tokens_details"]["cached_tokens"],
        tokens_out=usage["completion_tokens"],
        thought=thought.get("reasoning_tokens") if thought else None,
    )


def _read(data: bytes) -> dict[str, Any]:
    try:
        value = loads(data)
    except Unreadable:
        return {}
    return value if isinstance(value, dict) else {}


def _said(choice: dict[str, Any]) -> Said:
    said = choice.get("delta") or choice.get("message")
    said = said if isinstance(said, dict) else {}
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    content = content if isinstance(content, list) else []
    stopped_by = choice.get("stop_reason")
    return Said(
        # Some servers send the same thoughts under both names.
        thought=_text(said.get("reasoning_content")) or _text(said.get("reasoning")),
        text=_text(said.get("content")),
        refusal=_text(said.get("refusal")),
        calls=tuple(_calls(said.get("tool_calls"))),
        finish=_text(choice.get("finish_reason")),
        stopped_by=stopped_by if isinstance(stopped_by, str) else None,
        logprobs=tuple(entry for entry in content if isinstance(entry, dict)),
    )


def _calls(calls: Any) -> Iterator[CallPiece]:
    for number, call in enumerate(calls if isinstance(calls, list) else ()):
        if not isinstance(call, dict):
            continue
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        index = call.get("index")
        yield CallPiece(
            index=index if isinstance(index, int) else number,
            id=_text(call.get("id")),
            name=_text(function.get("name")),
            arguments=_text(function.get("arguments")),
        )


def _text(value: Any) -> str:
    if isinstance(value, list):
        parts = (part.get("text") for part in value if isinstance(part, dict))
        return "".join(part for part in parts if isinstance(part, str))
    return value if isinstance(value, str) else ""
