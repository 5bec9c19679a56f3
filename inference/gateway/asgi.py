"""The gateway's ASGI application, beside Django's or alone.

``/v1`` is answered here, past Django's middleware: no cookie, no session, no
host check, Bearer keys only. Everything else is passed on.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Self

import orjson
from django.conf import settings

from core.context import request_id as current_request_id
from core.money import NANO
from inference.catalog.models import path_of
from inference.gateway import errors, protocol
from inference.gateway.admission import Admission
from inference.gateway.announcements import hear_of_changes
from inference.gateway.engine import Engine
from inference.gateway.errors import GatewayError
from inference.gateway.http import (
    Receive,
    Scope,
    Send,
    address_of,
    client_id,
    encoded,
    header,
    require_method,
    send_error,
    send_json,
    wait_until_gone,
)
from inference.gateway.idempotency import Idempotency
from inference.gateway.intake import Intake
from inference.gateway.redis import LeanRedis
from inference.gateway.settlement import Settlement
from inference.gateway.state import Caller, Directory, OfferedModel, Unavailable
from inference.gateway.upstreams import Begun, Work
from inference.providers.docs_assistant import DocsAssistant
from inference.providers.openai import OpenAIProvider

logger = logging.getLogger(__name__)

App = Callable[[Any, Any, Any], Awaitable[None]]

LOOK_AFTER_SECONDS = 0.1
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
        self.is_stopping = False
        self.streams: set[asyncio.Future[None]] = set()
        self.request_ids = _request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and _is_ours(scope["path"]):
            await self._answer(scope, receive, send)
        elif self.django is not None:
            await self.django(scope, receive, send)
        elif scope["type"] == "http":
            error = GatewayError(404, "There is no such page here.", code="not_found")
            await send_json(send, error.status, error.body(), [])

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
            engine = Engine(directory, admission, settlement, providers)
            self.engine = engine
            self.once = Idempotency(lean)
            self.intake = Intake()
            self.tasks = [
                asyncio.create_task(settlement.open()),
                asyncio.create_task(settlement.commit_forever()),
                asyncio.create_task(settlement.beat_forever()),
                asyncio.create_task(lean.watch()),
                asyncio.create_task(engine.recheck_forever()),
                asyncio.create_task(hear_of_changes(engine)),
            ]
        return self.engine

    async def stop(self) -> None:
        """End open streams with an error event, commit what is left, let go."""
        self._end_streams()
        if self.streams:
            await asyncio.wait(self.streams, timeout=8)
        if self.engine is not None:
            await self.engine.close()
            await self.engine.settlement.close()
            await self.engine.settlement.redis.close()
        for task in self.tasks:
            task.cancel()

    def _end_streams(self) -> None:
        self.is_stopping = True
        if self.engine is not None:
            for begun in list(self.engine.streams.running):
                begun.interrupt("shutdown")

    def _hear_of_the_end(self) -> None:
        """Hear of SIGTERM before the server does.

        It waits for open connections before it tells an application to shut down,
        and a stream may last for minutes. What it hears instead is SIGINT, which
        means the same to it.
        """

        def end() -> None:
            self._end_streams()
            os.kill(os.getpid(), signal.SIGINT)

        # Only the main thread hears of signals.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                self._hear_of_the_end()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = next(self.request_ids)
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
            await send_error(send, error, extra)
        except Unavailable:
            await send_error(send, errors.service_unavailable(), extra)
        except asyncio.CancelledError:
            # Nobody is there to be answered.
            if not is_sent:
                return
            raise
        except Exception:
            logger.exception("gateway.failed", extra={"path": scope["path"]})
            if is_sent:
                # Too late for a status; the server ends the broken body.
                raise
            await send_error(send, errors.internal_error(request_id), extra)
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
            require_method(method, "POST")
            caller = await self._authenticate(engine, scope)
            body = await self.intake.read(scope, receive, caller.organisation_id)
            call = await self.intake.parse(COMPLETIONS[path], body)
            if self.is_stopping:
                raise errors.shutting_down()
            extra = [*extra]
            key = header(scope, b"idempotency-key")
            if key and not call.is_stream:
                async with self.once.running(caller, key, body, request_id) as kept:
                    if kept.answer is None:
                        work = await engine.begin(
                            call, caller, request_id, client_id(scope)
                        )
                        kept.answer = await self._complete(engine, work, receive, extra)
                    else:
                        extra.append((b"idempotency-replayed", b"true"))
                    answer = kept.answer
            else:
                work = await engine.begin(call, caller, request_id, client_id(scope))
                if call.is_stream:
                    await self._stream(engine, work, receive, send, extra)
                    return
                answer = await self._complete(engine, work, receive, extra)
            await send_json(send, 200, answer, extra)
        elif path == "/v1/models" or path.startswith("/v1/models/"):
            require_method(method, "GET")
            caller = await self._authenticate(engine, scope)
            offered = await engine.directory.offered()
            body = _models(offered, caller, path.removeprefix("/v1/models").lstrip("/"))
            await send_json(send, 200, body, extra)
        else:
            raise GatewayError(
                404, f"Unknown request URL: {method} {path}.", code="unknown_url"
            )

    async def _authenticate(self, engine: Engine, scope: Scope) -> Caller:
        authorization = header(scope, b"authorization").decode("latin-1")
        kind, _, secret = authorization.partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise errors.missing_key()
        caller = await engine.directory.caller(secret.strip(), address_of(scope))
        if caller is None:
            raise errors.invalid_key(secret.strip())
        return caller

    async def _complete(
        self,
        engine: Engine,
        work: Work,
        receive: Receive,
        headers: list[tuple[bytes, bytes]],
    ) -> bytes:
        """Return a whole answer; its headers are added to ``headers``."""
        with _Presence(engine, work, receive):
            answer = await engine.complete(work)
        headers += encoded(work.reservation.headers)
        headers.append((b"x-cost", f"{work.price_nano / NANO:.9f}".encode()))
        return answer

    async def _stream(
        self,
        engine: Engine,
        work: Work,
        receive: Receive,
        send: Send,
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        async def write(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        has_ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.streams.add(has_ended)
        try:
            with _Presence(engine, work, receive) as presence:
                begun = await engine.streams.open(work)
                presence.begun = begun
                presence.watch()
                if self.is_stopping:
                    begun.interrupt("shutdown")
                await send(
                    {
                        "type": "http.response.start",
                        "status": 200,
                        "headers": [
                            *STREAM_HEADERS,
                            *headers,
                            *encoded(work.reservation.headers),
                        ],
                    }
                )
                is_whole = await engine.streams.run(begun, write)
            # A body without its end tells what a clean one would hide.
            if is_whole:
                await send({"type": "http.response.body", "body": b""})
        finally:
            has_ended.set_result(None)
            self.streams.discard(has_ended)


class _Presence:
    """Notices that a caller leaves while their request is under way.

    Most answers come sooner than it pays to look.
    """

    def __init__(self, engine: Engine, work: Work, receive: Receive) -> None:
        self.engine = engine
        self.work = work
        self.receive = receive
        self.task = asyncio.current_task()
        self.begun: Begun | None = None
        self.leaving: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(LOOK_AFTER_SECONDS, self.watch)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.timer.cancel()
        if self.leaving is not None:
            self.leaving.cancel()

    def watch(self) -> None:
        if self.leaving is None:
            self.leaving = asyncio.ensure_future(wait_until_gone(self.receive))
            self.leaving.add_done_callback(self._left)

    def _left(self, leaving: "asyncio.Future[None]") -> None:
        if leaving.cancelled() or leaving.exception() is not None:
            return
        if self.begun is not None:
            self.begun.interrupt("client_abort")
        else:
            self.engine.caller_left(self.work, self.task)


def gateway(django_application: App | None) -> Gateway:
    """Return an application that answers ``/v1`` itself and passes on the rest."""
    return Gateway(django_application)


def _models(offered: dict[str, OfferedModel], caller: Caller, wanted: str) -> bytes:
    visible = {slug: model for slug, model in offered.items() if caller.may_see(slug)}
    if wanted:
        if wanted not in visible:
            raise errors.model_not_found(wanted, visible)
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
        "page_url": f"{settings.SITE_URL}{path_of(model.slug)}",
    }


def _is_ours(path: str) -> bool:
    return path.startswith("/v1/") or path == "/v1"


def _request_ids() -> Iterator[str]:
    """Yield new ids; asking the system for randomness each time takes too long."""
    while True:
        pool = secrets.token_hex(16 * 256)
        for start in range(0, len(pool), 32):
            yield f"req_{pool[start : start + 32]}"
