"""One HTTP request as the server hands it over, and the answer to it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Self
from urllib.parse import parse_qs

from edge.callers import read_address
from inference.protocol import errors, personal
from inference.protocol.dialects import Dialect, OpenAI
from inference.protocol.errors import APIError
from inference.protocol.requests import CHAT, Wording
from inference.transcripts.recorder import TranscriptDraft

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Most answers come sooner than it pays to look whether the caller is still there.
LOOK_AFTER_SECONDS = 0.1
# No page of a list takes more than four.
MOST_PARAMETERS = 20
_STREAM_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


_OWN = OpenAI(CHAT)
# What a browser asks before it sends a key to another site. It is told nothing of a
# key: whether a page may read an answer is decided where the key is known.
_PREFLIGHT = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"*, authorization"),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
)
_EXPOSED = (
    b"x-request-id, request-id, x-cost, x-cache, x-hidden-data, retry-after, retry-after-ms, "
    b"x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
    b"x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens"
)


class Request:
    """One request. Its headers are read once; every answer carries ``id``, if any."""

    def __init__(
        self,
        scope: Message,
        receive: Receive,
        send: Send,
        request_id: str,
    ) -> None:
        self.id = request_id
        # A route may be one of another protocol.
        self.dialect: Dialect = _OWN
        # How the answer is told where that is not in the gateway's own words.
        self.wording: Wording | None = None
        # What is to be done before the caller hears that nothing more comes.
        self.before_end: Callable[[], Awaitable[None]] | None = None
        self.method: str = scope["method"]
        self.path: str = scope["path"].rstrip("/")
        # Of a header that is sent twice the first counts.
        self._headers: dict[bytes, bytes] = dict(reversed([*scope["headers"]]))
        # But a proxy may add a line of its own below the one a caller has made up.
        self._forwarded: str = b",".join(
            value for name, value in scope["headers"] if name == b"x-forwarded-for"
        ).decode("latin-1")
        self._query: str = scope.get("query_string", b"").decode("latin-1")
        self._client = scope.get("client")
        self._receive = receive
        self._send = send
        self._departure: asyncio.Future[None] | None = None
        self._on_departure: Callable[[], None] | None = None
        self.has_started_answer = False
        # What it was answered with; 0 until then.
        self.status = 0
        # Takes what is sent, where that is kept.
        self.transcript: TranscriptDraft | None = None
        self._shared: list[tuple[bytes, bytes]] = []

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks if it may send the request itself."""
        return self.method == "OPTIONS" and bool(
            self.header(b"access-control-request-method")
        )

    async def allow_preflight(self) -> None:
        """Let a browser send its request."""
        await self._start_answer(204, list(_PREFLIGHT))
        await self._send({"type": "http.response.body", "body": b""})

    def share_with(self, origin: str) -> None:
        """Let pages of an origin read the answer."""
        self._shared += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"origin"),
        ]

    def record_hidden(self, counts: dict[str, int]) -> None:
        """Note what was hidden from the model: the answer says it."""
        if counts:
            said = ", ".join(personal.told(counts))
            self._shared.append((b"x-hidden-data", said.encode()))

    def header(self, name: bytes) -> bytes:
        """Return a header by its lower-case name, or nothing."""
        return self._headers.get(name, b"")

    @property
    def trace_headers(self) -> dict[str, str]:
        """The trace that the caller's request is a part of, as W3C writes it."""
        names = (b"traceparent", b"tracestate")
        return {name.decode(): self.header(name).decode("latin-1") for name in names}

    @property
    def secret(self) -> str:
        """The key that was sent, as a Bearer or as Anthropic's clients send it.

        Raises ``APIError`` where none was.
        """
        authorization = self.header(b"authorization").decode("latin-1")
        kind, _, secret = authorization.partition(" ")
        if kind.lower() != "bearer":
            secret = self.header(b"x-api-key").decode("latin-1")
        if not secret.strip():
            raise errors.missing_key()
        return secret.strip()

    @property
    def address(self) -> str:
        """The address the outermost trusted proxy saw."""
        return read_address(self._forwarded, self.peer)

    @property
    def peer(self) -> str:
        """The address that is connected: a proxy's, where there is one."""
        return str(self._client[0]) if self._client else ""

    @property
    def client_request_id(self) -> str:
        """The caller's own name for the request, where it is a harmless one."""
        value = self.header(b"x-client-request-id").decode("latin-1")
        is_harmless = len(value) <= 64 and value.isascii() and value.isprintable()
        return value if is_harmless else ""

    @property
    def declared_length(self) -> int:
        """How many bytes the body is said to have; 0 where nothing is said."""
        declared = self.header(b"content-length")
        # Of ASCII digits alone: `bytes` knows no others, unlike `str`.
        return int(declared) if declared.isdigit() and len(declared) < 19 else 0

    def require_method(self, *allowed: str) -> None:
        """Refuse every other method with 405; what answers GET answers HEAD."""
        if self.method in allowed or (self.method == "HEAD" and "GET" in allowed):
            return
        raise APIError(
            405,
            f"Not allowed to {self.method} here; use {' or '.join(allowed)}.",
            code="method_not_allowed",
            headers={"allow": ", ".join(allowed)},
        )

    def query(self, name: str) -> str:
        """Return a parameter of the address, or nothing. Raises ``APIError``."""
        try:
            sent = parse_qs(self._query, max_num_fields=MOST_PARAMETERS)
        except ValueError as error:
            raise errors.bad_request(
                f"The address has more than {MOST_PARAMETERS} parameters."
            ) from error
        return next(iter(sent.get(name, ())), "")

    def require_json(self) -> None:
        """Refuse bodies that are compressed, or are not JSON, with 415."""
        if self.header(b"content-encoding") not in {b"", b"identity"}:
            raise errors.unsupported_media_type(
                "Compressed request bodies are not accepted."
            )
        kind = self.header(b"content-type").partition(b";")[0].strip().lower()
        if kind not in {b"", b"application/json"} and not kind.endswith(b"+json"):
            raise errors.unsupported_media_type(
                "The body has to be JSON, sent as `Content-Type: application/json`."
            )

    async def receive_piece(self) -> tuple[bytes, bool]:
        """Return a piece of the body and whether more follows.

        Raises ``APIError`` where the caller went away.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise errors.bad_request("The request body was not sent completely.")
        return bytes(message.get("body", b"")), bool(message.get("more_body"))

    def watched(self, on_departure: Callable[[], None]) -> Self:
        """Call ``on_departure`` where the caller leaves inside the block."""
        self._on_departure = on_departure
        return self

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LOOK_AFTER_SECONDS, self.watch)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._timer.cancel()
        if self._departure is not None:
            self._departure.cancel()

    def watch(self) -> None:
        """Look from now on, without waiting until it pays."""
        if self._departure is None:
            self._departure = asyncio.ensure_future(self._depart())
            self._departure.add_done_callback(self._departed)

    async def respond(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with JSON that is written already."""
        own = [(b"content-length", str(len(body)).encode())]
        if not headers or "content-type" not in headers:
            own.append((b"content-type", b"application/json"))
        if self.transcript is not None:
            self.transcript.add(body)
        await self._start_answer(status, own + self._encoded(headers or {}))
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, error: APIError) -> None:
        """Answer with an error in the caller's protocol."""
        status = self.dialect.status_of(error)
        body = self.dialect.refusal(error, self.id)
        await self.respond(status, body, error.headers)

    def word(self, answer: bytes) -> bytes:
        """Return a model's whole answer in the caller's words."""
        return self.wording.whole(answer) if self.wording else answer

    async def start_stream(self, headers: Mapping[str, str]) -> None:
        """Answer 200 with events that are still to be written."""
        await self._start_answer(200, [*_STREAM_HEADERS, *self._encoded(headers)])

    async def write(self, piece: bytes) -> None:
        """Send whole events of a stream, in the caller's words."""
        if self.wording is not None:
            piece = self.wording.events(piece)
            if self.before_end is not None and self.wording.has_ended:
                await self.before_end()
            if not piece:
                return
        if self.transcript is not None:
            self.transcript.add(piece)
        await self._send(
            {"type": "http.response.body", "body": piece, "more_body": True}
        )

    @property
    def has_told_end(self) -> bool:
        """Tell whether the words sent so far say themselves that nothing follows."""
        return self.wording is not None and self.wording.has_ended

    async def end_stream(self) -> None:
        """Send the proper end of a body: it says that all of it was sent."""
        await self._send({"type": "http.response.body", "body": b""})

    async def _start_answer(
        self, status: int, headers: list[tuple[bytes, bytes]]
    ) -> None:
        self.has_started_answer = True
        self.status = status
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": headers + self._shared,
            }
        )

    def _encoded(self, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        names = self.dialect.id_headers if self.id else ()
        own = [(name, self.id.encode()) for name in names]
        return own + [
            (name.encode(), value.encode()) for name, value in headers.items()
        ]

    async def _depart(self) -> None:
        """Return when the caller has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _departed(self, departure: "asyncio.Future[None]") -> None:
        if departure.cancelled() or departure.exception() is not None:
            return
        if self._on_departure is not None:
            self._on_departure()
