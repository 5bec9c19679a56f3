"""Messages as a server that speaks them says them: counted, cleaned, passed on.

What the model said passes byte by byte; what is around it is ours, as for a chat.
"""

from typing import Any

import orjson

from inference.protocol.answers import span_of
from inference.protocol.chunks import Told
from inference.protocol.estimates import TextSize
from inference.protocol.messages import answers
from inference.protocol.messages.errors import worded
from inference.protocol.metering import Tokens, joined
from inference.protocol.requests import Native
from inference.protocol.scanning import PassingScanner
from inference.providers.wire import Unreadable, dumps

# How Anthropic serves its own models, and at which price, is not a caller's choice.
_LEFT_OUT = {"service_tier", "inference_geo", "speed"}
_EVENTS = {
    "content_block_start": {"type", "index", "content_block"},
    "content_block_delta": {"type", "index", "delta"},
    "content_block_stop": {"type", "index"},
    "ping": {"type"},
}
_REASONS = (
    *("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"),
    "model_context_window_exceeded",
)


def native_of(asked: dict[str, Any]) -> Native:
    """Return what is sent to a server that speaks Messages."""
    payload = {name: value for name, value in asked.items() if name not in _LEFT_OUT}
    return Native("messages", payload, "max_tokens")


def message(
    body: bytes, value: dict[str, Any], tokens: Tokens, *, request_id: str, model: str
) -> bytes:
    """Return a whole message with our id, model and usage. Raises ``Unreadable``."""
    content = span_of(body, b"content")
    if not isinstance(value.get("content"), list) or content is None:
        raise Unreadable
    around = answers.head(request_id, model) | _end_of(value)
    around["usage"] = answers.usage(told_of(tokens))
    del around["content"]
    return orjson.dumps(around)[:-1] + b',"content":' + content + b"}"


def size_of(value: dict[str, Any]) -> TextSize:
    """Return the size of what a whole message says. Raises ``Unreadable``."""
    size = TextSize()
    content = value.get("content")
    if not isinstance(content, list):
        raise Unreadable
    for block in content:
        add_block(size, block)
    return size


def add_block(size: TextSize, block: Any) -> bool:
    """Count a block; tell whether it says anything. Raises ``Unreadable``."""
    if not isinstance(block, dict):
        return False
    texts = [block.get(name) for name in ("text", "thinking", "name", "partial_json")]
    if block.get("input"):
        texts.append(dumps(block["input"]).decode())
    written = [text for text in texts if isinstance(text, str) and text]
    for text in written:
        size.add(text)
    size.texts += bool(written)
    return bool(written)


def told_of(tokens: Tokens) -> Told:
    return Told(tokens.prompt, tokens.cached, tokens.completion, tokens.thought)


class MessageScanner(PassingScanner):
    """Watches a stream of message events go by."""

    def begin(self, *, request_id: str, model: str) -> None:
        self.request_id, self.model = request_id, model
        self.used: dict[str, Any] = {}

    def hear(self, kind: str, value: dict[str, Any], data: bytes) -> bytes:
        if kind == "message_start":
            started = value.get("message")
            self._use(started.get("usage") if isinstance(started, dict) else None)
            head = answers.head(self.request_id, self.model)
            return self.write(
                kind, {"type": kind, "message": head | {"usage": _UNKNOWN}}
            )
        if kind == "message_delta":
            return self._delta(value)
        if kind == "message_stop":
            return self.end()
        if kind == "error":
            self.counted.error = value.get("error") or value
            return b""
        known = _EVENTS.get(kind)
        if known is None:
            return b""
        if kind in {"content_block_start", "content_block_delta"}:
            said = value.get("content_block") or value.get("delta")
            self.count(lambda size: add_block(size, said))
        return self.pass_on(kind, value, data, known)

    def end(self) -> bytes:
        self.counted.is_done = True
        return self.write("message_stop", {"type": "message_stop"})

    def _delta(self, value: dict[str, Any]) -> bytes:
        self._use(value.get("usage"))
        delta = value.get("delta")
        ending = _end_of(delta if isinstance(delta, dict) else {})
        if ending["stop_reason"]:
            self.finish_one()
        usage = answers.usage(told_of(self.counted.tokens(self.bounds)))
        told = {"type": "message_delta", "delta": ending, "usage": usage}
        return self.write("message_delta", told)

    def _use(self, usage: Any) -> None:
        """Take usage that comes in two halves, the later over the earlier."""
        if isinstance(usage, dict):
            self.used = joined(self.used, usage)
            self.counted.usage = dict(self.used)
            self.counted.since = TextSize()


def error_event(error: dict[str, Any], request_id: str) -> bytes:
    told = {"type": "error", "error": worded(error), "request_id": request_id}
    return b"event: error\ndata: " + orjson.dumps(told) + b"\n\n"


def _end_of(value: dict[str, Any]) -> dict[str, Any]:
    reason, sequence = value.get("stop_reason"), value.get("stop_sequence")
    return {
        "stop_reason": reason if reason in _REASONS else None,
        "stop_sequence": sequence if isinstance(sequence, str) else None,
    }


_UNKNOWN = answers.usage(Told())
