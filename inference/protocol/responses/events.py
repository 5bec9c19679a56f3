"""A chat's answer as a response: event by event, or whole."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from inference.protocol.chunks import (
    CallPiece,
    ChatEvent,
    Said,
    Told,
    answer_of,
    events_of,
)
from inference.protocol.responses import answers
from inference.protocol.responses.answers import Frame, Item

Emit = Callable[..., None]


def response(body: bytes, frame: Frame) -> dict[str, Any]:
    """Return a whole answer as a response object."""
    said, told = answer_of(body)
    output = _Output(frame, _silent)
    output.say(said)
    return _ended(frame, output, said, told)


class ResponseEvents:
    """Words one stream, each event with its number."""

    def __init__(self, frame: Frame, first: int = 0) -> None:
        self._frame = frame
        self._out: list[bytes] = []
        self._number = first
        self.has_ended = False
        # The response as it ended.
        self.final: dict[str, Any] | None = None
        self._output = _Output(frame, self._write)
        self._last = Said()
        self._told = Told()

    def feed(self, piece: bytes) -> bytes:
        """Return the events that stand for a piece of the chat's stream."""
        for event in events_of(piece):
            if not self.has_ended:
                self._hear(event)
        out = b"".join(self._out)
        self._out.clear()
        return out

    def fail(self, error: dict[str, Any]) -> bytes:
        """Return the end of a response that came in these words and broke."""
        self._fail(error)
        return b"".join(self._out)

    def _hear(self, event: ChatEvent) -> None:
        if not self._number:
            for name in ("response.created", "response.in_progress"):
                self._write(name, response=self._frame.response("in_progress", []))
        if event.error:
            self._fail(event.error)
        elif event.is_done:
            whole = _ended(self._frame, self._output, self._last, self._told)
            self.final = whole
            self._write(f"response.{whole['status']}", response=whole)
        elif event.said is not None:
            self._output.say(event.said)
            self._last = event.said if event.said.finish else self._last
        elif event.told is None:
            self._out.append(b": keep-alive\n\n")
        self._told = event.told or self._told
        self.has_ended = event.is_done or bool(event.error)

    def _fail(self, error: dict[str, Any]) -> None:
        message, code = str(error["message"]), error.get("code")
        self._write("error", code=code, message=message, param=error.get("param"))
        failed = self._frame.response("failed", self._output.items)
        failed["error"] = answers.error(code, message)
        self.final = failed
        self._write("response.failed", response=failed)

    def _write(self, name: str, /, **fields: Any) -> None:
        data = orjson.dumps({"type": name, "sequence_number": self._number, **fields})
        self._number += 1
        self._out.append(b"event: %b\ndata: %b\n\n" % (name.encode(), data))


def _silent(name: str, /, **fields: Any) -> None:
    """Of a whole answer nobody hears the events."""


def _ended(frame: Frame, output: "_Output", said: Said, told: Told) -> dict[str, Any]:
    status, why = answers.status_of(said)
    output.close(status)
    whole = frame.response(status, output.items)
    whole["incomplete_details"] = why
    whole["usage"] = answers.usage(told)
    return whole


@dataclass(slots=True)
class _Call:
    """A call that is being written. Free text is told when it is whole."""

    at: int
    item: Item
    is_free: bool
    arguments: list[str] = field(default_factory=list)


class _Output:
    """The items of a response while they are written, one after the other."""

    def __init__(self, frame: Frame, emit: Emit) -> None:
        self.items: list[Item] = []
        self._frame = frame
        self._emit = emit
        # What the last item is: text, thought, or the index of a call.
        self._open: object = None
        self._texts: list[str] = []
        self._logprobs: list[dict[str, Any]] = []
        self._calls: dict[int, _Call] = {}

    def say(self, said: Said) -> None:
        if said.thought:
            self._continue("reasoning", said.thought)
        if said.text:
            self._continue("output_text", said.text, list(said.logprobs))
        if said.refusal:
            self._continue("refusal", said.refusal)
        for call in said.calls:
            self._call(call)

    def close(self, status: str = "completed") -> None:
        """End what is open; ``status`` is how the last item ended."""
        if self._open in _PARTS:
            self._close_text(str(self._open), status)
        self._open = None
        last = len(self.items) - 1
        for call in self._calls.values():
            self._close_call(call, status if call.at == last else "completed")
        self._calls.clear()

    def _continue(
        self, kind: str, text: str, logprobs: list[dict[str, Any]] | None = None
    ) -> None:
        if self._open != kind:
            self._open_text(kind)
        self._texts.append(text)
        more = {}
        if kind == "output_text":
            self._logprobs += logprobs or []
            more["logprobs"] = logprobs or []
        self._emit_part(f"{_PARTS[kind].event}.delta", delta=text, **more)

    def _open_text(self, kind: str) -> None:
        if kind == "refusal" and self._open == "output_text":
            # A second part of the same message.
            self._close_part(kind="output_text")
        elif self._open is not None:
            self.close()
        is_message = kind != "reasoning"
        if not (is_message and self._open == "output_text"):
            item = _message() if is_message else _reasoning()
            self._add(item, "msg" if is_message else "rs")
        self._open = kind
        self._emit_part("response.content_part.added", part=_part(kind, ""))

    def _close_text(self, kind: str, status: str = "completed") -> None:
        self._close_part(kind=kind)
        self.items[-1]["status"] = status
        self._done(len(self.items) - 1)

    def _close_part(self, *, kind: str) -> None:
        text = "".join(self._texts)
        part = _part(kind, text)
        more = {}
        if kind == "output_text":
            part["logprobs"] = more["logprobs"] = self._logprobs
        name = _PARTS[kind]
        self._emit_part(f"{name.event}.done", **{name.key: text}, **more)
        self._emit_part("response.content_part.done", part=part)
        self.items[-1]["content"].append(part)
        self._texts, self._logprobs = [], []

    def _emit_part(self, name: str, **fields: Any) -> None:
        item = self.items[-1]
        self._emit(
            name,
            item_id=item["id"],
            output_index=len(self.items) - 1,
            content_index=len(item["content"]),
            **fields,
        )

    def _call(self, piece: CallPiece) -> None:
        call = self._calls.get(piece.index)
        # Some servers count every call as the first; a new id tells them apart.
        if call is None or (piece.name and piece.id not in {"", call.item["call_id"]}):
            call = self._open_call(piece)
        if not piece.arguments:
            return
        call.arguments.append(piece.arguments)
        if not call.is_free:
            self._emit(
                "response.function_call_arguments.delta",
                item_id=call.item["id"],
                output_index=call.at,
                delta=piece.arguments,
            )

    def _open_call(self, piece: CallPiece) -> _Call:
        if self._open in _PARTS:
            self._close_text(str(self._open))
        before = self._calls.pop(piece.index, None)
        if before is not None:
            self._close_call(before)
        at = len(self.items)
        is_free = piece.name in self._frame.asked.custom
        item: Item = {
            "type": "custom_tool_call" if is_free else "function_call",
            "call_id": piece.id or self._frame.named("call", at),
            "name": piece.name,
            "input" if is_free else "arguments": "",
        }
        self._add(item, "ctc" if is_free else "fc")
        self._open = piece.index
        call = self._calls[piece.index] = _Call(at, item, is_free)
        return call

    def _close_call(self, call: _Call, status: str = "completed") -> None:
        arguments = "".join(call.arguments)
        where = {"item_id": call.item["id"], "output_index": call.at}
        call.item["status"] = status
        if call.is_free:
            text = call.item["input"] = _free_text(arguments)
            name = "response.custom_tool_call_input"
            self._emit(f"{name}.delta", **where, delta=text)
            self._emit(f"{name}.done", **where, input=text)
        else:
            call.item["arguments"] = arguments
            self._emit(
                "response.function_call_arguments.done",
                **where,
                name=call.item["name"],
                arguments=arguments,
            )
        self._done(call.at)

    def _add(self, item: Item, prefix: str) -> None:
        at = len(self.items)
        item["id"] = self._frame.named(prefix, at)
        item["status"] = "in_progress"
        self.items.append(item)
        self._emit("response.output_item.added", output_index=at, item=item)

    def _done(self, at: int) -> None:
        self._emit("response.output_item.done", output_index=at, item=self.items[at])


@dataclass(frozen=True, slots=True)
class _Part:
    """What the events of a part are called, and what its text is called in them."""

    event: str
    key: str = "text"


_PARTS = {
    "output_text": _Part("response.output_text"),
    "refusal": _Part("response.refusal", "refusal"),
    "reasoning": _Part("response.reasoning_text"),
}


def _message() -> Item:
    return {"type": "message", "role": "assistant", "content": []}


def _reasoning() -> Item:
    return {"type": "reasoning", "summary": [], "content": []}


def _part(kind: str, text: str) -> dict[str, Any]:
    if kind == "reasoning":
        return {"type": "reasoning_text", "text": text}
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _free_text(arguments: str) -> str:
    """Return the one text a call of free text holds, or what stands for it."""
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments
