"""The protocols callers speak, each read as the same request and answered in its words.

``requests`` is what all of them become: from there on there is one path, one meter
and one price. What a protocol says otherwise is said here, at the edge.
"""

import time
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from inference.protocol import requests
from inference.protocol.answers import Envelope
from inference.protocol.chunks import error_in_event
from inference.protocol.errors import APIError, ContextExceeded
from inference.protocol.estimates import TextSize
from inference.protocol.messages import answers as messages
from inference.protocol.messages import errors as messages_errors
from inference.protocol.messages import native as messages_native
from inference.protocol.messages import requests as messages_requests
from inference.protocol.messages.events import MessageEvents
from inference.protocol.metering import Tokens, UsageBounds
from inference.protocol.reading import object_of
from inference.protocol.requests import CHAT, NOTHING_BEFORE, Before, ModelRequest
from inference.protocol.responses import native as responses_native
from inference.protocol.responses import requests as responses_requests
from inference.protocol.responses.answers import Frame
from inference.protocol.responses.answers import error as failure
from inference.protocol.responses.events import ResponseEvents, response
from inference.protocol.scanning import StreamScanner

_INPUT_TOO_LONG = (
    "Your input exceeds the context window of this model. "
    "Please adjust your input and try again."
)


class Dialect(Protocol):
    """``name`` tells roads apart where the same bytes mean different things.

    ``id_headers`` are where clients look for the request's id.
    """

    @property
    def name(self) -> str: ...

    @property
    def id_headers(self) -> tuple[bytes, ...]: ...

    def read(
        self, body: bytes, request_id: str, before: Before = NOTHING_BEFORE
    ) -> ModelRequest:
        """Return what a measured body asks for. Raises ``APIError``."""
        ...

    def status_of(self, error: APIError) -> int: ...

    def refusal(self, error: APIError, request_id: str) -> bytes:
        """Return the body of an error."""
        ...


@dataclass(frozen=True, slots=True)
class OpenAI:
    """OpenAI's own words, which are the gateway's: nothing is worded anew."""

    name: str
    id_headers: tuple[bytes, ...] = (b"x-request-id",)

    def read(
        self, body: bytes, request_id: str, before: Before = NOTHING_BEFORE
    ) -> ModelRequest:
        return requests.parse(self.name, body)

    def status_of(self, error: APIError) -> int:
        return error.status

    def refusal(self, error: APIError, request_id: str) -> bytes:
        return error.body()


@dataclass(frozen=True, slots=True)
class Messages:
    """Anthropic's Messages."""

    name: str = "messages"
    id_headers: tuple[bytes, ...] = (b"x-request-id", b"request-id")

    def read(
        self, body: bytes, request_id: str, before: Before = NOTHING_BEFORE
    ) -> ModelRequest:
        fields = object_of(body)
        chat = messages_requests.to_chat(fields)
        request = _translated(chat, MessageWording(request_id, chat["model"]))
        request.native = messages_native.native_of(fields.value)
        return request

    def status_of(self, error: APIError) -> int:
        return messages_errors.status_of(error)

    def refusal(self, error: APIError, request_id: str) -> bytes:
        return messages_errors.body_of(error, request_id)


@dataclass(frozen=True, slots=True)
class MessagesCount(Messages):
    """A conversation whose tokens are to be counted: nothing is written."""

    name: str = "messages/count_tokens"

    def read(
        self, body: bytes, request_id: str, before: Before = NOTHING_BEFORE
    ) -> ModelRequest:
        chat = messages_requests.to_counted(object_of(body))
        return _translated(chat, MessageWording(request_id, chat["model"]))


@dataclass(frozen=True, slots=True)
class Responses:
    """OpenAI's Responses; its errors are those of the other roads."""

    name: str = "responses"
    id_headers: tuple[bytes, ...] = (b"x-request-id",)

    def read(
        self, body: bytes, request_id: str, before: Before = NOTHING_BEFORE
    ) -> ModelRequest:
        fields = object_of(body)
        chat, asked = responses_requests.to_chat(fields, before)
        frame = Frame(request_id, chat["model"], int(time.time()), asked)
        request = _translated(chat, ResponseWording(frame))
        request.keep = asked.keep
        request.native = responses_native.native_of(fields.value, before.items)
        return request

    def status_of(self, error: APIError) -> int:
        return error.status

    def refusal(self, error: APIError, request_id: str) -> bytes:
        if error.param and error.param.startswith("messages"):
            # The place is one in the chat, which this caller never saw.
            error.param = "input"
        if isinstance(error, ContextExceeded):
            # What this protocol's own server says comes first.
            error.message = f"{_INPUT_TOO_LONG} {error.message}"
        return error.body()


class MessageWording:
    """Words one answer as a message."""

    def __init__(self, request_id: str, model: str) -> None:
        self._request_id = request_id
        self._model = model
        self._events = MessageEvents(request_id=request_id, model=model)
        self._scanner: messages_native.MessageScanner | None = None
        self._has_failed = False

    def whole(self, body: bytes) -> bytes:
        return messages.message(body, request_id=self._request_id, model=self._model)

    def events(self, piece: bytes) -> bytes:
        if self._scanner is None:
            return self._events.feed(piece)
        error = error_in_event(piece)
        if error is None:
            return piece
        self._has_failed = True
        return messages_native.error_event(error, self._request_id)

    @property
    def has_ended(self) -> bool:
        if self._scanner is None:
            return self._events.has_ended
        return self._has_failed or self._scanner.counted.is_done

    def native_size(self, value: dict[str, Any]) -> TextSize:
        return messages_native.size_of(value)

    def native_whole(self, body: bytes, value: dict[str, Any], tokens: Tokens) -> bytes:
        return messages_native.message(
            body, value, tokens, request_id=self._request_id, model=self._model
        )

    def scanner(
        self, envelope: Envelope, bounds: UsageBounds, *, is_native: bool
    ) -> StreamScanner:
        self._scanner = None
        if not is_native:
            return StreamScanner(envelope, bounds, wants_usage=True)
        self._scanner = messages_native.MessageScanner(envelope, bounds)
        self._scanner.begin(request_id=self._request_id, model=self._model)
        return self._scanner


class ResponseWording:
    """Words one answer as a response."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._events = ResponseEvents(frame)
        self._final: dict[str, Any] | None = None
        self._scanner: responses_native.ResponseScanner | None = None

    def begun(self) -> dict[str, Any]:
        """Return the response before anything is said in it."""
        return self._frame.response("in_progress", [])

    def unfinished(self, status: str, error: APIError | None) -> dict[str, Any]:
        """Return the response that came to no end of its own."""
        told = self._frame.response(status, [])
        if error is not None:
            told["error"] = failure(error.code, error.message)
        return told

    @property
    def final(self) -> dict[str, Any] | None:
        """The response as it ended, once it has."""
        told = self._scanner.final if self._scanner else self._events.final
        return self._final or told

    def whole(self, body: bytes) -> bytes:
        self._final = response(body, self._frame)
        return orjson.dumps(self._final)

    def events(self, piece: bytes) -> bytes:
        if self._scanner is None:
            return self._events.feed(piece)
        error = error_in_event(piece)
        if error is None:
            return piece
        # The numbers of the events go on where the upstream's ended.
        failed = ResponseEvents(self._frame, self._scanner.number + 1)
        out = failed.fail(error)
        self._final = failed.final
        return out

    @property
    def has_ended(self) -> bool:
        if self._scanner is None:
            return self._events.has_ended
        return self.final is not None

    def native_size(self, value: dict[str, Any]) -> TextSize:
        return responses_native.size_of(value)

    def native_whole(self, body: bytes, value: dict[str, Any], tokens: Tokens) -> bytes:
        told, self._final = responses_native.response(body, value, tokens, self._frame)
        return told

    def scanner(
        self, envelope: Envelope, bounds: UsageBounds, *, is_native: bool
    ) -> StreamScanner:
        self._scanner = None
        if not is_native:
            return StreamScanner(envelope, bounds, wants_usage=True)
        self._scanner = responses_native.ResponseScanner(envelope, bounds)
        self._scanner.begin(self._frame)
        return self._scanner


def _translated(chat: dict[str, Any], wording: requests.Wording) -> ModelRequest:
    if chat.get("stream"):
        # The last event tells what was used, on these roads always.
        chat["stream_options"] = {"include_usage": True}
    request = requests.read(CHAT, chat)
    request.wording = wording
    return request
