"""The gateway's ASGI application, beside Django's or alone.

``/v1`` is answered here, past Django's middleware: no cookie, no session, no
host check, keys in a header only. Everything else is passed on. What becomes of a POST
is in ``path``.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from django.conf import settings

from core.context import request_id as current_request_id
from core.errors import Unavailable
from edge import tracing
from edge.shedding import SHED
from inference.catalog.models import path_of
from inference.directory.callers import Caller
from inference.directory.offers import OfferedModel
from inference.gateway import metrics, refusals
from inference.gateway.counting import count
from inference.gateway.engine import Engine
from inference.gateway.keeping import answer_about
from inference.gateway.path import answer
from inference.gateway.receipts import receipt
from inference.gateway.receiving import authenticated
from inference.gateway.request import Message, Receive, Request, Send
from inference.keys.models import ApiKey
from inference.protocol import errors
from inference.protocol.dialects import (
    Dialect,
    Messages,
    MessagesCount,
    OpenAI,
    Responses,
)
from inference.protocol.errors import APIError
from inference.protocol.requests import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MODERATIONS,
    RERANK,
)

logger = logging.getLogger(__name__)

App = Callable[[Any, Any, Any], Awaitable[None]]

_MESSAGES, _COUNT = Messages(), MessagesCount()
_DIALECTS: tuple[Dialect, ...] = (
    *(OpenAI(CHAT), OpenAI(COMPLETIONS), OpenAI(EMBEDDINGS)),
    *(OpenAI(RERANK), OpenAI(MODERATIONS)),
    *(Responses(), _MESSAGES, _COUNT),
)
ENDPOINTS = {f"/v1/{dialect.name}": dialect for dialect in _DIALECTS}


_NO_PRICE = "no model on offer has a price for it."
_NO_FILES = (
    "nothing is kept here. Send a file inside the request, as `file_data` or as a "
    "data address."
)
# What clients know and will ask for. Their bodies are not even read.
_NOT_SERVED = {
    **dict.fromkeys(("images", "audio", "videos", "realtime"), _NO_PRICE),
    **dict.fromkeys(("files", "uploads", "vector_stores", "containers"), _NO_FILES),
    "batches": "send the requests one by one.",
    **dict.fromkeys(
        ("assistants", "threads", "conversations", "fine_tuning", "evals"),
        "conversations go on by `previous_response_id` of `/v1/responses`.",
    ),
}


class Gateway:
    """Answers ``/v1``. Its engine is made in the loop of the first request."""

    def __init__(self, django_application: App | None) -> None:
        self.django = django_application
        self.engine: Engine | None = None
        self.in_flight = 0
        self.most_in_flight: int = settings.GATEWAY_REQUESTS_AT_ONCE
        self.request_ids = _request_ids()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"] == metrics.PATH:
            await self._answer_scrape(Request(scope, receive, send, ""))
        elif scope["type"] == "http" and _is_ours(scope["path"]):
            request = Request(scope, receive, send, next(self.request_ids))
            request.dialect = ENDPOINTS.get(request.path, _default_of(request))
            await self._answer_or_shed(request)
        elif self.django is not None:
            await self.django(scope, receive, send)
        elif scope["type"] == "http":
            request = Request(scope, receive, send, "")
            await request.refuse(
                APIError(404, "There is no such page here.", code="not_found")
            )

    def start(self) -> Engine:
        """Make the engine, once for the process."""
        if self.engine is None:
            tracing.start()
            self.engine = Engine(settings.REDIS_CACHE_URL)
            self.engine.start()
        return self.engine

    def _handle_sigterm(self) -> None:
        """Handle SIGTERM before the server does.

        It waits for open connections before it tells an application to shut down,
        and a stream may last for minutes. What it hears instead is SIGINT, which
        means the same to it.
        """

        def end() -> None:
            self.start().interrupt()
            os.kill(os.getpid(), signal.SIGINT)

        # Only the main thread hears of signals.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                self._handle_sigterm()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.start().stop()
                await asyncio.to_thread(tracing.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer_scrape(self, request: Request) -> None:
        self.start()
        try:
            await metrics.tell(request)
        except APIError as error:
            await request.refuse(error)

    async def _answer_or_shed(self, request: Request) -> None:
        """Answer, unless the process has no room: then say at once when to come."""
        if self.most_in_flight and self.in_flight >= self.most_in_flight:
            error = errors.overloaded()
            metrics.count_refusal(error)
            SHED.labels("gateway").inc()
            await request.refuse(error)
            return
        self.in_flight += 1
        try:
            if tracing.is_on():
                await self._answer_traced(request)
            else:
                await self._answer(request)
        finally:
            self.in_flight -= 1

    async def _answer_traced(self, request: Request) -> None:
        """Answer inside a span, a part of the caller's trace where there is one."""
        told = {
            "http.request.method": request.method,
            "url.path": request.path,
            "doorstone.request_id": request.id,
        }
        name = (
            f"{request.method} {request.path if request.path in ENDPOINTS else '/v1'}"
        )
        with tracing.serving(name, request.trace_headers, told) as span:
            await self._answer(request)
            span.set_attribute("http.response.status_code", request.status)

    async def _answer(self, request: Request) -> None:
        token = current_request_id.set(request.id)
        try:
            await self._route(request)
        except APIError as error:
            metrics.count_refusal(error)
            refusals.note(error)
            # A stream that had begun to wait has told of it in an event.
            if not request.has_started_answer:
                await request.refuse(error)
        except Unavailable:
            await request.refuse(errors.service_unavailable())
        except asyncio.CancelledError:
            # Nobody is there to be answered.
            if not request.has_started_answer:
                return
            raise
        except Exception:
            logger.exception("gateway.failed", extra={"path": request.path})
            if request.has_started_answer:
                # Too late for a status; the server ends the broken body.
                raise
            await request.refuse(errors.internal_error(request.id))
        finally:
            draft = request.transcript
            if draft is not None and draft.is_admitted:
                self.start().recorder.add(draft)
            current_request_id.reset(token)

    async def _route(self, request: Request) -> None:
        engine, path = self.start(), request.path
        if request.is_preflight:
            await request.allow_preflight()
        elif path in ENDPOINTS:
            request.require_method("POST")
            if request.dialect is _COUNT:
                await count(request, engine)
            else:
                await answer(request, engine)
        elif path.startswith("/v1/responses/"):
            caller = await authenticated(
                request, engine.directory, ApiKey.Scope.INFERENCE
            )
            await answer_about(request, caller, engine.keeping)
        elif path == "/v1/models" or path.startswith("/v1/models/"):
            request.require_method("GET")
            await _answer_with_models(request, engine)
        elif path.startswith("/v1/usage/"):
            request.require_method("GET")
            await _answer_with_receipt(request, engine)
        else:
            raise _not_served(request)


def _not_served(request: Request) -> APIError:
    """Return why an address of the protocols answers nothing here."""
    why = _NOT_SERVED.get(request.path.removeprefix("/v1/").partition("/")[0])
    if why is not None:
        return APIError(
            404, f"`{request.path}` is not served here: {why}", code="not_served"
        )
    return APIError(
        404,
        f"Unknown request URL: {request.method} {request.path}.",
        code="unknown_url",
    )


def _default_of(request: Request) -> Dialect:
    """Return the words for addresses that more than one protocol has, or none."""
    return _MESSAGES if request.header(b"anthropic-version") else request.dialect


def gateway(django_application: App | None) -> Gateway:
    """Return an application that answers ``/v1`` itself and passes on the rest."""
    return Gateway(django_application)


async def _answer_with_models(request: Request, engine: Engine) -> None:
    caller = await authenticated(request, engine.directory, ApiKey.Scope.MODELS)
    offered = await engine.directory.offered()
    visible = {slug: model for slug, model in offered.items() if caller.may_see(slug)}
    describe = _model
    if request.header(b"anthropic-version"):
        describe = _anthropic_model
    wanted = request.path.removeprefix("/v1/models").lstrip("/")
    if wanted:
        if wanted not in visible:
            raise errors.model_not_found(wanted, visible)
        await request.respond(200, orjson.dumps(describe(visible[wanted], caller)))
        return
    data = [describe(visible[slug], caller) for slug in sorted(visible)]
    # Both protocols' clients read this one list; what is not theirs they leave out.
    ends = {
        "first_id": min(visible, default=None),
        "last_id": max(visible, default=None),
    }
    listed = {"object": "list", "data": data, "has_more": False, **ends}
    await request.respond(200, orjson.dumps(listed))


async def _answer_with_receipt(request: Request, engine: Engine) -> None:
    caller = await authenticated(request, engine.directory, ApiKey.Scope.USAGE)
    name = request.path.removeprefix("/v1/usage/")
    await request.respond(200, await receipt(engine.redis, caller, name))


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


def _anthropic_model(model: OfferedModel, caller: Caller) -> dict[str, Any]:
    created = datetime.fromtimestamp(model.created, UTC)
    own = {"type": "model", "display_name": model.slug}
    return {**_model(model, caller), **own, "created_at": created.isoformat()}


def _is_ours(path: str) -> bool:
    return path.startswith("/v1/") or path == "/v1"


def _request_ids() -> Iterator[str]:
    """Yield new ids; asking the system for randomness each time takes too long."""
    while True:
        pool = secrets.token_hex(16 * 256)
        for start in range(0, len(pool), 32):
            yield f"req_{pool[start : start + 32]}"
