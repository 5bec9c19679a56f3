"""Responses that are kept: written down, gone on from, run in the background.

Only for organisations that chose it (``inference.stored``). A response is written down
before its model is called, so that what cannot be kept is not bought, and again when it
has ended and before its caller hears so, who may go on from it at once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from datetime import timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from core.errors import Unavailable
from core.reading import whole_number
from inference.directory.callers import Caller
from inference.gateway.exchange import Exchange
from inference.gateway.request import Request
from inference.protocol import errors
from inference.protocol.dialects import Dialect, Responses, ResponseWording
from inference.protocol.errors import APIError
from inference.protocol.reading import object_of
from inference.protocol.requests import Before
from inference.protocol.responses.requests import previous_not_found, previous_of
from inference.stored import services
from inference.stored.exceptions import (
    ConversationTooLong,
    ResponseMissing,
    ResponseUnfinished,
    StorageOff,
)
from inference.stored.models import StoredResponse
from inference.stored.services import CHANNEL
from stores.lean_redis import LeanRedis
from stores.redis import client, prefixed
from stores.threads import in_thread

logger = logging.getLogger(__name__)
# Later than that, a response nobody holds a reservation for lost its process.
LOST_AFTER = timedelta(seconds=60)
# How many responses one process runs in the background.
MOST_IN_BACKGROUND = 200
Status = StoredResponse.Status
Run = Callable[[], Awaitable[bytes]]


async def before(dialect: Dialect, body: bytes, caller: Caller) -> Before:
    """Return what is kept that a request needs. Raises ``APIError``."""
    if not isinstance(dialect, Responses):
        return Before()
    if not caller.stores_responses:
        return Before(off=_off(caller))
    if b'"previous_response_id"' not in body:
        return Before(off="")
    previous = previous_of(object_of(body))
    if previous is None:
        return Before(off="")
    try:
        items = await _in_database(
            services.conversation, previous, organisation_id=caller.organisation_id
        )
    except ResponseMissing as missing:
        raise previous_not_found(missing.response_id) from missing
    except ResponseUnfinished as unfinished:
        raise errors.bad_request(
            "The previous response is still being written.", "previous_response_id"
        ) from unfinished
    except ConversationTooLong as too_long:
        raise errors.bad_request(
            "The conversation before is longer than is put together for one request: "
            "send what matters of it as `input`.",
            "previous_response_id",
        ) from too_long
    return Before(off="", items=tuple(items))


class Keeping:
    """Keeps the responses of one process, and runs those in the background."""

    def __init__(self, redis: LeanRedis) -> None:
        self.redis = redis
        self.running: dict[str, asyncio.Task[None]] = {}
        # Those that are let in just now.
        self.coming = 0

    def keeping(
        self, request: Request, exchange: Exchange
    ) -> AbstractAsyncContextManager[None]:
        """Write a response down before the block runs, and how it ended after it.

        Raises ``APIError``. Most requests ask for nothing like it.
        """
        if exchange.call.keep is None:
            return _NOT_KEPT
        return self._kept(request, exchange)

    async def run(
        self,
        request: Request,
        exchange: Exchange,
        *,
        admit: Callable[[], Awaitable[object]],
        work: Callable[[], Awaitable[object]],
    ) -> None:
        """Run ``work`` in the background and answer with what is begun.

        Where there is no room for one more, nothing is reserved by ``admit``. Raises
        ``APIError`` for that, and for what did not even begin.
        """
        if len(self.running) + self.coming >= MOST_IN_BACKGROUND:
            raise errors.limiter_unavailable()
        self.coming += 1
        try:
            await admit()
        finally:
            self.coming -= 1
        wording = exchange.call.wording
        if not isinstance(wording, ResponseWording):
            raise TypeError
        begun = wording.begun()
        has_begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def begin() -> None:
            if not has_begun.done():
                has_begun.set_result(None)

        async def run() -> None:
            exchange.notify_begun(begin)
            await work()

        task = asyncio.ensure_future(run())
        self.running[begun["id"]] = task
        task.add_done_callback(lambda _: self.running.pop(begun["id"], None))
        await asyncio.wait((task, has_begun), return_when=asyncio.FIRST_COMPLETED)
        if not has_begun.done():
            # It ended before it was written down.
            task.result()
        task.add_done_callback(_heard)
        await request.respond(200, _dumped(begun), exchange.limit_headers)

    def cancel(self, response_id: str) -> None:
        """End a response, whichever process runs it."""
        self.cancel_here(response_id)
        self.redis.tell("PUBLISH", prefixed(CHANNEL), response_id)

    def cancel_here(self, response_id: str) -> None:
        """End a response that runs in this process."""
        task = self.running.get(response_id)
        if task is not None:
            task.cancel()

    async def hear(self, response_id: str) -> None:
        """End a response that was cancelled at another process."""
        self.cancel_here(response_id)

    async def end_all(self) -> None:
        """End what runs in the background; each is written down as cancelled."""
        tasks = list(self.running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)  # systemd waits for 30

    @asynccontextmanager
    async def _kept(self, request: Request, exchange: Exchange) -> AsyncIterator[None]:
        wording, keep = exchange.call.wording, exchange.call.keep
        if not isinstance(wording, ResponseWording) or keep is None:
            raise TypeError
        organisation_id = exchange.caller.organisation_id
        try:
            await _in_database(
                services.begin,
                wording.begun(),
                _named(keep.items, exchange.request_id),
                organisation_id=organisation_id,
                is_background=keep.is_background,
            )
        except StorageOff as no:
            raise errors.bad_request(
                f"`store` is not possible: {_off(exchange.caller)}",
                "store",
                "storage_off",
            ) from no
        exchange.begun()
        told: dict[str, Any] | None = None

        async def finish() -> None:
            nonlocal told
            if told is None and wording.final is not None:
                told = wording.final
                await self._finish(told, organisation_id)

        request.before_end = finish
        try:
            yield
            await finish()
        except BaseException as error:
            if told is None:
                refused = error if isinstance(error, APIError) else None
                status = Status.FAILED if refused else Status.CANCELLED
                told = wording.unfinished(status, refused)
                await asyncio.shield(self._finish(told, organisation_id))
            raise
        if told is None:
            # The caller left a stream before its end.
            told = wording.unfinished(Status.CANCELLED, None)
            await self._finish(told, organisation_id)

    async def _finish(self, told: dict[str, Any], organisation_id: int) -> None:
        try:
            await _in_database(services.finish, told, organisation_id=organisation_id)
        except Unavailable:
            # It stays in progress, and is told as failed once nothing runs for it.
            logger.exception("responses.not_kept", extra={"response": told["id"]})


async def answer_about(request: Request, caller: Caller, keeping: Keeping) -> None:
    """Answer what is asked of a kept response. Raises ``APIError``, ``Unavailable``."""
    response_id, _, what = request.path.removeprefix("/v1/responses/").partition("/")
    methods = _METHODS.get(what)
    if methods is None:
        raise APIError(
            404,
            f"Unknown request URL: {request.method} {request.path}.",
            code="unknown_url",
        )
    request.require_method(*methods)
    if not caller.stores_responses:
        raise _not_found(response_id, _off(caller))
    organisation_id = caller.organisation_id
    try:
        if request.method == "DELETE":
            await _in_database(
                services.delete, response_id, organisation_id=organisation_id
            )
            # Nobody can fetch it any more: it is not to be paid for.
            keeping.cancel(response_id)
            told = {"id": response_id, "object": "response", "deleted": True}
        elif what == "cancel":
            told = await _cancel(response_id, organisation_id, keeping)
        elif what == "input_items":
            items = await _in_database(
                services.input_of, response_id, organisation_id=organisation_id
            )
            told = _page(items, request)
        else:
            told = await _response_of(response_id, organisation_id, request)
    except ResponseMissing as missing:
        raise _not_found(missing.response_id) from missing
    except (ResponseUnfinished, ConversationTooLong) as no:
        raise errors.bad_request("The conversation before cannot be listed.") from no
    await request.respond(200, _dumped(told))


async def _response_of(
    response_id: str, organisation_id: int, request: Request
) -> dict[str, Any]:
    if request.query("stream") == "true":
        raise errors.bad_request(
            "A kept response is not streamed again: fetch it whole.", "stream"
        )
    row = await _in_database(
        services.find, response_id, organisation_id=organisation_id
    )
    told = await _in_database(services.response_of, row)
    if (
        row.status == Status.IN_PROGRESS
        and timezone.now() - row.created_at > LOST_AFTER
    ):
        await _give_up_if_lost(told, organisation_id)
    return dict(told)


async def _give_up_if_lost(told: dict[str, Any], organisation_id: int) -> None:
    """Write down as failed what was running in a process that is gone."""
    request_id = f"req_{told['id'].removeprefix('resp_')}"
    name = prefixed("gw:reservations")
    try:
        is_held = await in_thread(lambda: client().zscore(name, request_id))
    except RedisError:
        return
    if is_held is not None:
        return
    lost = {"code": "server_error", "message": "The server was restarted meanwhile."}
    told |= {"status": Status.FAILED.value, "error": lost}
    await _in_database(services.finish, told, organisation_id=organisation_id)


async def _cancel(
    response_id: str, organisation_id: int, keeping: Keeping
) -> dict[str, Any]:
    row = await _in_database(
        services.find, response_id, organisation_id=organisation_id
    )
    if not row.is_background:
        raise errors.bad_request("Only a response in the background can be cancelled.")
    told: dict[str, Any] = await _in_database(services.response_of, row)
    if row.status == Status.IN_PROGRESS:
        cancelled = told | {"status": Status.CANCELLED.value}
        if await _in_database(
            services.finish, cancelled, organisation_id=organisation_id
        ):
            keeping.cancel(response_id)
            return cancelled
        # It ended by itself at that very moment.
        row = await _in_database(
            services.find, response_id, organisation_id=organisation_id
        )
        told = await _in_database(services.response_of, row)
    return told


def _page(items: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    """Return a page of items in the order that is asked for, newest first."""
    limit = whole_number(request.query("limit") or "20")
    if limit is None or not 1 <= limit <= 100:
        raise errors.bad_request("`limit` has to be from 1 to 100.", "limit")
    order = request.query("order") or "desc"
    if order not in {"asc", "desc"}:
        raise errors.bad_request("`order` has to be asc or desc.", "order")
    ordered = items if order == "asc" else items[::-1]
    after = request.query("after")
    if after:
        names = [item.get("id") for item in ordered]
        if after not in names:
            raise errors.bad_request("`after` names no item of this list.", "after")
        ordered = ordered[names.index(after) + 1 :]
    data = ordered[:limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0].get("id") if data else None,
        "last_id": data[-1].get("id") if data else None,
        "has_more": len(ordered) > len(data),
    }


def _named(items: list[dict[str, Any]], request_id: str) -> list[dict[str, Any]]:
    """Return items that each have an id and a type to be listed by."""
    own = request_id.removeprefix("req_")
    named = []
    for index, item in enumerate(items):
        kind = item.get("type") or "message"
        name = item.get("id") or f"{_PREFIXES.get(kind, 'item')}_{own}i{index:03x}"
        named.append({**item, "type": kind, "id": name})
    return named


_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}
_METHODS = {"": ("GET", "DELETE"), "cancel": ("POST",), "input_items": ("GET",)}


def _off(caller: Caller) -> str:
    return (
        "responses are not stored for this organisation. Leave `store` out and send "
        "the conversation as `input`, or have an owner or admin turn storage on at "
        f"{settings.SITE_URL}/console/{caller.organisation_slug}/responses/"
    )


def _not_found(response_id: str, why: str = "") -> APIError:
    shown = response_id[:100]
    return APIError(
        404, f"Response with id '{shown}' not found. {why}".strip(), param="id"
    )


async def _in_database(
    function: Callable[..., Any], *arguments: Any, **named: Any
) -> Any:
    """Run a service in a thread. Raises ``Unavailable`` without a database."""
    try:
        return await in_thread(lambda: function(*arguments, **named))
    except DatabaseError as error:
        raise Unavailable from error


def _heard(task: "asyncio.Task[None]") -> None:
    """Take note of how a task ended: its response says it, nobody waits for it."""
    with suppress(asyncio.CancelledError):
        task.exception()


def _dumped(value: Any) -> bytes:
    return orjson.dumps(value)


_NOT_KEPT = nullcontext[None]()
