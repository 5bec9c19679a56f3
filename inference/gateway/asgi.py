"""The gateway's ASGI application, beside Django's or alone.

``/v1`` is answered here, past Django's middleware: no cookie, no session, no
host check, Bearer keys only. Everything else is passed on.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from core.context import request_id as current_request_id
from core.redis import prefixed
from entitlements.services import CHANNEL as ENTITLEMENTS
from inference.catalog.services import CHANNEL as CATALOGUE
from inference.gateway import errors, protocol
from inference.gateway.admission import Admission
from inference.gateway.engine import Engine
from inference.gateway.errors import GatewayError
from inference.gateway.redis import LeanRedis
from inference.gateway.settlement import Settlement
from inference.gateway.state import Caller, Directory, OfferedModel
from inference.keys.services import CHANNEL as KEYS
from inference.providers.docs_assistant import DocsAssistant
from inference.providers.openai import OpenAIProvider

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

MAX_BODY = 20_000_000
COMPLETIONS = {
    f"/v1/{name}": name
    for name in (protocol.CHAT, protocol.COMPLETIONS, protocol.EMBEDDINGS)
}
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Gateway:
    """Answers ``/v1``. Its parts are made in the loop of the first request."""

    def __init__(self, django_application: App | None) -> None:
        self.django = django_application
        self.engine: Engine | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.stopping = asyncio.Event()
        self.streams: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self._answer(scope, receive, send)
        elif self.django is not None:
            await self.django(scope, receive, send)
        elif scope["type"] == "http":
            error = GatewayError(404, "There is no such page here.", code="not_found")
            await _send_json(send, error.status, error.body(), [])

    def start(self) -> Engine:
        """Make the parts, once for the process."""
        if self.engine is None:
            lean = LeanRedis(settings.REDIS_CACHE_URL)
            admission = Admission(lean)
            settlement = Settlement(lean, admission)
            directory = Directory()
            providers: dict[str, Any] = {
                "openai": OpenAIProvider(),
                "docs_assistant": DocsAssistant(),
            }
            self.engine = Engine(directory, admission, settlement, providers)
            self.tasks = [
                asyncio.create_task(settlement.open()),
                asyncio.create_task(settlement.commit_forever()),
                asyncio.create_task(settlement.beat_forever()),
                asyncio.create_task(lean.watch()),
                asyncio.create_task(_listen(directory)),
            ]
        return self.engine

    async def stop(self) -> None:
        """End open streams with an error event, commit what is left, let go."""
        self.stopping.set()
        if self.streams:
            await asyncio.wait(self.streams, timeout=8)
        if self.engine is not None:
            await self.engine.close()
            await self.engine.settlement.close()
            await self.engine.settlement.redis.close()
        for task in self.tasks:
            task.cancel()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _new_request_id()
        token = current_request_id.set(request_id)
        extra = [(b"x-request-id", request_id.encode())]
        is_sent = False

        async def send_noting(message: MutableMapping[str, Any]) -> None:
            nonlocal is_sent
            is_sent = True
            await send(message)

        try:
            await self._route(scope, receive, send_noting, request_id, extra)
        except GatewayError as error:
            await _send_error(send, error, extra)
        except Exception:
            logger.exception("gateway.failed", extra={"path": scope["path"]})
            if is_sent:
                # Too late for a status; the server ends the broken body.
                raise
            await _send_error(send, errors.internal_error(request_id), extra)
        finally:
            current_request_id.reset(token)

    async def _route(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        request_id: str,
        extra: list[tuple[bytes, bytes]],
    ) -> None:
        engine = self.start()
        path, method = scope["path"].rstrip("/"), scope["method"]
        if path in COMPLETIONS:
            _require(method, "POST")
            caller = await self._authenticate(engine, scope)
            body = await _read_body(scope, receive)
            call = protocol.parse(COMPLETIONS[path], body)
            if self.stopping.is_set():
                raise errors.shutting_down()
            work = await engine.begin(call, caller, request_id, _client_id(scope))
            headers = [
                *extra,
                *(
                    (name.encode(), value.encode())
                    for name, value in work.reservation.headers.items()
                ),
            ]
            if call.is_stream and call.endpoint != protocol.EMBEDDINGS:
                await self._stream(engine, work, receive, send, headers)
                return
            answer = await engine.complete(work)
            headers.append((b"x-cost", engine.price_header(work, answer).encode()))
            await _send_json(send, 200, answer, headers)
        elif path == "/v1/models" or path.startswith("/v1/models/"):
            _require(method, "GET")
            caller = await self._authenticate(engine, scope)
            offered = await engine.directory.offered()
            body = _models(offered, caller, path.removeprefix("/v1/models").lstrip("/"))
            await _send_json(send, 200, body, extra)
        else:
            raise GatewayError(
                404, f"Unknown request URL: {method} {path}.", code="unknown_url"
            )

    async def _authenticate(self, engine: Engine, scope: Scope) -> Caller:
        header = _header(scope, b"authorization").decode("latin-1")
        kind, _, secret = header.partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise errors.missing_key()
        caller = await engine.directory.caller(secret.strip())
        if caller is None:
            raise errors.invalid_key(secret.strip())
        return caller

    async def _stream(
        self,
        engine: Engine,
        work: Any,
        receive: Receive,
        send: Send,
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        begun = await engine.open_stream(work)
        is_gone = asyncio.ensure_future(_wait_until_gone(receive))
        has_ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.streams.add(has_ended)
        stream = engine.run_stream(begun, is_gone, self.stopping)
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [*STREAM_HEADERS, *headers],
                }
            )
            async for piece in stream:
                await send(
                    {"type": "http.response.body", "body": piece, "more_body": True}
                )
            if not is_gone.done():
                await send({"type": "http.response.body", "body": b""})
        except OSError:
            # The caller went away between two pieces; the finaliser settles.
            return
        finally:
            await asyncio.shield(_aclose(stream))
            is_gone.cancel()
            has_ended.set_result(None)
            self.streams.discard(has_ended)


def gateway(django_application: App | None) -> Gateway:
    """Return an application that answers ``/v1`` itself and passes on the rest."""
    return Gateway(django_application)


async def _aclose(stream: Any) -> None:
    await stream.aclose()


async def _listen(directory: Directory) -> None:
    """Forget keys and plans the moment they change."""
    while True:
        client = redis.asyncio.Redis.from_url(settings.REDIS_CACHE_URL)
        try:
            async with client.pubsub() as channels:
                await channels.subscribe(
                    prefixed(KEYS), prefixed(ENTITLEMENTS), prefixed(CATALOGUE)
                )
                async for message in channels.listen():
                    if message["type"] != "message":
                        continue
                    _forget(
                        directory, message["channel"].decode(), message["data"].decode()
                    )
        except (RedisError, OSError):
            # What was announced meanwhile was missed: know nothing any more.
            directory.callers.clear()
            await asyncio.sleep(0.5)
        finally:
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()


def _forget(directory: Directory, channel: str, what: str) -> None:
    if channel == prefixed(KEYS):
        directory.forget_key(what)
    elif channel == prefixed(ENTITLEMENTS):
        directory.forget_organisation(int(what))
    else:
        directory.models_end_at = 0.0


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    if _header(scope, b"content-encoding") not in {b"", b"identity"}:
        raise errors.bad_request("Compressed request bodies are not accepted.")
    declared = _header(scope, b"content-length")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise errors.too_large(MAX_BODY)
    parts = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise errors.bad_request("The request body was not sent completely.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise errors.too_large(MAX_BODY)
        if not message.get("more_body"):
            return b"".join(parts)


def _models(offered: dict[str, OfferedModel], caller: Caller, wanted: str) -> bytes:
    visible = {
        slug: model
        for slug, model in offered.items()
        if not caller.allowed_models or slug in caller.allowed_models
    }
    if wanted:
        if wanted not in visible:
            raise errors.model_not_found(wanted)
        return orjson.dumps(_model(visible[wanted], caller))
    data = [_model(visible[slug], caller) for slug in sorted(visible)]
    return orjson.dumps({"object": "list", "data": data})


def _model(model: OfferedModel, caller: Caller) -> dict[str, Any]:
    return {
        "id": model.slug,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
        "edition": model.edition,
        "included": caller.features.premium_models or not model.is_premium,
        "context_length": model.context_tokens,
        "page_url": f"{settings.SITE_URL}/models/{model.slug}/",
    }


def _require(method: str, allowed: str) -> None:
    if method == allowed or (method == "HEAD" and allowed == "GET"):
        return
    raise GatewayError(
        405,
        f"Not allowed to {method} here; use {allowed}.",
        code="method_not_allowed",
        headers={"allow": allowed},
    )


def _header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def _client_id(scope: Scope) -> str:
    value = _header(scope, b"x-client-request-id").decode("latin-1")
    return value if len(value) <= 64 and value.isascii() and value.isprintable() else ""


def _new_request_id() -> str:
    return f"req_{secrets.token_hex(16)}"


async def _send_error(
    send: Send, error: GatewayError, extra: list[tuple[bytes, bytes]]
) -> None:
    headers = [*extra, *((n.encode(), v.encode()) for n, v in error.headers.items())]
    await _send_json(send, error.status, error.body(), headers)


async def _send_json(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
