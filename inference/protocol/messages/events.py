"""A chat's stream as the events of a message."""

from typing import Any

import orjson

from inference.protocol.chunks import CallPiece, ChatEvent, Said, Told, events_of
from inference.protocol.messages import answers
from inference.protocol.messages.errors import worded

_TEXT = "text"
_THOUGHT = "thinking"


class MessageEvents:
    """Words one stream. Blocks follow each other; a tool call is a block of its own."""

    def __init__(self, *, request_id: str, model: str) -> None:
        self._request_id = request_id
        self._model = model
        self._out: list[bytes] = []
        self._has_begun = False
        self.has_ended = False
        self._blocks = 0
        # What the open block is, or the index and id of the call it is.
        self._open: object = None
        # Index of a call in the chat → its block and its id.
        self._calls: dict[int, tuple[int, str]] = {}
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

    def _hear(self, event: ChatEvent) -> None:
        if not self._has_begun:
            self._has_begun = True
            message = answers.head(self._request_id, self._model)
            # What is read is known when all is written; the last event says it.
            self._write("message_start", message=message | {"usage": _UNKNOWN})
        if event.error:
            self._write(
                "error",
                error=worded(event.error),
                request_id=self._request_id,
            )
        elif event.is_done:
            self._end()
        elif event.said is not None:
            self._say(event.said)
        elif event.told is None:
            self._write("ping")
        self._told = event.told or self._told
        self.has_ended = event.is_done or bool(event.error)

    def _say(self, said: Said) -> None:
        if said.thought:
            self._turn_to(_THOUGHT, answers.thinking_block)
            self._delta("thinking_delta", thinking=said.thought)
        if text := said.text + said.refusal:
            self._turn_to(_TEXT, answers.text_block)
            self._delta("text_delta", text=text)
        for call in said.calls:
            self._call(call)
        if said.finish:
            self._last = said

    def _call(self, call: CallPiece) -> None:
        known = self._calls.get(call.index)
        # Some servers count every call as the first; a new id tells them apart.
        if known is None or (call.name and call.id and call.id != known[1]):
            block = answers.tool_block(call, len(self._calls), self._request_id)
            self._open_block(block)
            self._open = call.index
            known = self._calls[call.index] = (self._blocks - 1, block["id"])
        if call.arguments:
            self._write(
                "content_block_delta",
                index=known[0],
                delta={"type": "input_json_delta", "partial_json": call.arguments},
            )

    def _turn_to(self, kind: str, block: Any) -> None:
        if self._open != kind:
            self._open_block(block())
            self._open = kind

    def _open_block(self, block: dict[str, Any]) -> None:
        self._stop()
        self._write("content_block_start", index=self._blocks, content_block=block)
        self._blocks += 1

    def _delta(self, kind: str, **said: str) -> None:
        self._write(
            "content_block_delta", index=self._blocks - 1, delta={"type": kind, **said}
        )

    def _stop(self) -> None:
        if self._open is not None:
            self._write("content_block_stop", index=self._blocks - 1)
            self._open = None

    def _end(self) -> None:
        self._stop()
        self._write(
            "message_delta",
            delta=answers.end(self._last, has_calls=bool(self._calls)),
            usage=answers.usage(self._told),
        )
        self._write("message_stop")

    def _write(self, name: str, /, **fields: Any) -> None:
        data = orjson.dumps({"type": name, **fields})
        self._out.append(b"event: %b\ndata: %b\n\n" % (name.encode(), data))


_UNKNOWN = answers.usage(Told())
