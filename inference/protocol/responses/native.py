"""Responses as a server that speaks them says them: counted, cleaned, passed on.

What the model said passes byte by byte; what is around it is ours, as for a chat.
"""

from functools import partial
from typing import Any

import orjson

from inference.protocol.answers import span_of
from inference.protocol.chunks import Told
from inference.protocol.estimates import TextSize
from inference.protocol.metering import Tokens
from inference.protocol.requests import Native
from inference.protocol.responses import answers
from inference.protocol.responses.answers import Frame
from inference.protocol.scanning import PassingScanner
from inference.providers.wire import Unreadable

# What is asked of a model. What else is said is for its server, and that is us.
_SENT = {
    *("model", "instructions", "tools", "tool_choice", "text", "reasoning", "include"),
    *("parallel_tool_calls", "temperature", "top_p", "top_logprobs", "user"),
    *("truncation", "max_output_tokens"),
}
_ITEM = {"type", "sequence_number", "output_index", "item"}
_PART = {
    *("type", "sequence_number", "output_index", "item_id", "content_index", "part"),
    *("summary_index", "delta", "text", "refusal", "logprobs", "annotation"),
    "annotation_index",
}
_CALL = {
    *("type", "sequence_number", "output_index", "item_id", "delta", "name"),
    *("arguments", "input"),
}
_EVENTS = {
    "response.output_item": _ITEM,
    "response.content_part": _PART,
    "response.output_text": _PART,
    "response.output_text.annotation": _PART,
    "response.refusal": _PART,
    "response.reasoning_text": _PART,
    "response.reasoning_summary_part": _PART,
    "response.reasoning_summary_text": _PART,
    "response.function_call_arguments": _CALL,
    "response.custom_tool_call_input": _CALL,
}
_ENDS = {"response.completed": "completed", "response.incomplete": "incomplete"}
_WHY = ("max_output_tokens", "content_filter")
# A server that answers later says so, and nothing that is an answer.
_NOT_YET = ("queued", "in_progress")


def native_of(
    asked: dict[str, Any], before: tuple[dict[str, Any], ...] | None
) -> Native:
    """Return what is sent to a server that speaks Responses: the whole conversation.

    Nothing is stored there, and what is stored here is sent along.
    """
    payload = {name: value for name, value in asked.items() if name in _SENT}
    payload["input"] = asked["input"]
    if before:
        own = asked["input"]
        if isinstance(own, str):
            own = [{"type": "message", "role": "user", "content": own}]
        payload["input"] = [*map(_sent, before), *own]
    payload["store"] = False
    return Native("responses", payload, "max_output_tokens")


def response(
    body: bytes, value: dict[str, Any], tokens: Tokens, frame: Frame
) -> tuple[bytes, dict[str, Any]]:
    """Return a whole response as bytes, and what they say. Raises ``Unreadable``."""
    output = span_of(body, b"output")
    if output is None:
        raise Unreadable
    told = ended(value, tokens, frame)
    around = {name: told[name] for name in told if name != "output"}
    return orjson.dumps(around)[:-1] + b',"output":' + output + b"}", told


def ended(value: dict[str, Any], tokens: Tokens, frame: Frame) -> dict[str, Any]:
    """Return how a response ended, in our frame."""
    status = "incomplete" if value.get("status") == "incomplete" else "completed"
    output = value.get("output")
    told = frame.response(status, output if isinstance(output, list) else [])
    why = value.get("incomplete_details")
    reason = why.get("reason") if isinstance(why, dict) else None
    if status == "incomplete":
        known = reason if reason in _WHY else "max_output_tokens"
        told["incomplete_details"] = {"reason": known}
    told["usage"] = answers.usage(
        Told(tokens.prompt, tokens.cached, tokens.completion, tokens.thought)
    )
    return told


def size_of(value: dict[str, Any]) -> TextSize:
    """Return the size of what a whole response says. Raises ``Unreadable``."""
    size = TextSize()
    output = value.get("output")
    if not isinstance(output, list) or value.get("status") in _NOT_YET:
        raise Unreadable
    for item in output:
        _add_item(size, item)
    return size


class ResponseScanner(PassingScanner):
    """Watches a stream of response events go by."""

    def begin(self, frame: Frame) -> None:
        self.frame = frame
        self.number = 0
        self.final: dict[str, Any] | None = None
        self.items: list[Any] = []

    def hear(self, kind: str, value: dict[str, Any], data: bytes) -> bytes:
        number = value.get("sequence_number")
        self.number = number if isinstance(number, int) else self.number + 1
        if kind in {"response.created", "response.in_progress"}:
            return self._own(kind, self.frame.response("in_progress", []))
        if kind in _ENDS:
            return self._ended(kind, value)
        if kind in {"error", "response.failed"}:
            failed = value.get("response")
            said = failed.get("error") if isinstance(failed, dict) else None
            self.counted.error = said or value.get("error") or value
            return b""
        known = _EVENTS.get(kind.rpartition(".")[0])
        if known is None:
            return b""
        if kind.endswith(".delta"):
            self.count(lambda size: _add(size, value.get("delta")))
        if kind == "response.output_item.done":
            self.items.append(value.get("item"))
        if kind == "response.output_item.added":
            item = value.get("item")
            name = item.get("name") if isinstance(item, dict) else None
            self.count(lambda size: _add(size, name))
        return self.pass_on(kind, value, data, known)

    def end(self) -> bytes:
        """Return the end that the upstream left out."""
        self.number += 1
        return self._ended("response.completed", {"response": {"output": self.items}})

    def _ended(self, kind: str, value: dict[str, Any]) -> bytes:
        said = value.get("response")
        said = said if isinstance(said, dict) else {}
        if not isinstance(said.get("output"), list):
            said = {**said, "output": self.items}
        if not self.counted.written.texts:
            # Some servers say all of it at the end.
            for item in said["output"]:
                self.count(partial(_add_item, item=item))
        if said.get("usage") is not None:
            self.counted.usage = said["usage"]
            self.counted.since = TextSize()
        said = {**said, "status": _ENDS[kind]}
        self.finish_one()
        self.counted.is_done = True
        self.final = ended(said, self.counted.tokens(self.bounds), self.frame)
        return self._own(kind, self.final)

    def _own(self, kind: str, told: dict[str, Any]) -> bytes:
        return self.write(
            kind, {"type": kind, "sequence_number": self.number, "response": told}
        )


def _sent(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item without our id: another server knows none of them."""
    return {name: value for name, value in item.items() if name != "id"}


def _add_item(size: TextSize, item: Any) -> bool:
    """Count what an item says; tell whether it says anything."""
    if not isinstance(item, dict):
        return False
    said = [_add(size, item.get(name)) for name in ("name", "arguments", "input")]
    for name in ("content", "summary"):
        parts = item.get(name)
        said += [
            _add(size, part.get("text") or part.get("refusal"))
            for part in (parts if isinstance(parts, list) else ())
            if isinstance(part, dict)
        ]
    return any(said)


def _add(size: TextSize, text: Any) -> bool:
    if not isinstance(text, str) or not text:
        return False
    size.add(text)
    size.texts += 1
    return True
