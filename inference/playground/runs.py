"""Answers on their way: asked of the gateway, shown and kept as they come.

The gateway is called over HTTP with the person's own short-lived key, as any client
calls it: limits, prices and refusals are the same. The key and, in a blind comparison,
the model's name stay on the server. An answer belongs to its chat, not to the page that
asked: a person who reloads or leaves finds it whole. Only stopping it ends the call;
what had come by then is kept, and is what is paid for.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import aiohttp
import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection

from inference.playground import services
from inference.playground.models import Message
from inference.playground.services import Ended
from inference.usage.models import UsageEvent

logger = logging.getLogger(__name__)

# How often what has come is written down, and whether it is still wanted is looked up:
# what a killed process loses of an answer, and how late another one hears of a stop.
SAVE_SECONDS = 1.0
# The gateway bounds a stream itself; this only ends one whose gateway is gone.
SILENT_SECONDS = 150
# A page without scripts shows nothing until the end, and browsers give up on it.
PATIENCE_SECONDS = 120
# Proxies close what is silent for a minute.
KEEP_ALIVE_SECONDS = 15
# The gateway commits within tens of milliseconds; after three seconds of looking the
# page looks by itself.
SETTLING_SECONDS = 0.03
SETTLING_LOOKS = 100  # as above
# The longest event of a stream; a line without an end must not fill the memory.
MOST_OF_A_LINE = 1_000_000
# As long as an answer may grow here; ten times what the longest context writes.
MOST_OF_AN_ANSWER = 4_000_000

Hear = Callable[[str], Awaitable[None]]
_State: Final = Message.State


@dataclass(frozen=True, slots=True)
class Errand:
    """One answer to bring: the request and the key to call with."""

    answer_id: int
    secret: str
    payload: dict[str, Any]


@dataclass(slots=True)
class _Heard:
    """What came of an answer so far."""

    began: float = field(default_factory=time.monotonic)
    request_id: str = ""
    text: str = ""
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    first_token_ms: int | None = None
    error_code: str = ""
    error_text: str = ""

    def take(self, event: Any) -> str:
        """Read one event of the stream and return the text it adds."""
        if not isinstance(event, dict):
            return ""
        if error := event.get("error"):
            self.refuse(error)
            return ""
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        delta = choice.get("delta") or {} if isinstance(choice, dict) else {}
        for part in delta.get("tool_calls") or ():
            self._take_call(part)
        piece = delta.get("content")
        piece = piece if isinstance(piece, str) else ""
        if (piece or delta.get("tool_calls")) and self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms
        self.text += piece
        return piece

    def refuse(self, error: Any) -> None:
        told = error if isinstance(error, dict) else {}
        self.error_code = str(told.get("code") or "failed")
        self.error_text = str(told.get("message") or "")

    @property
    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self.began) * 1000)

    def ended(self, state: str) -> Ended:
        return Ended(
            state=state,
            # PostgreSQL keeps every character but one.
            text=self.text.replace("\0", ""),
            calls=[self.calls[index] for index in sorted(self.calls)],
            error_code=self.error_code,
            error_text=self.error_text.replace("\0", ""),
            first_token_ms=self.first_token_ms,
            total_ms=self.elapsed_ms,
        )

    def _take_call(self, part: Any) -> None:
        """Add a fragment of a call of a function to what came of it."""
        if not isinstance(part, dict) or not isinstance(part.get("index", 0), int):
            return
        empty = {
            "id": f"call_{len(self.calls)}",
            "type": "function",
            "function": {"name": "", "arguments": ""},
        }
        call = self.calls.setdefault(part.get("index", 0), empty)
        if part.get("id"):
            call["id"] = str(part["id"])
        function = part.get("function")
        told = function if isinstance(function, dict) else {}
        for name in ("name", "arguments"):
            call["function"][name] += str(told.get(name) or "").replace("\0", "")


# What this process brings, by the answers' ids. It holds the tasks: the event loop
# itself forgets what nobody holds.
_brought: dict[int, asyncio.Task[None]] = {}


async def stream(errands: Sequence[Errand]) -> AsyncIterator[bytes]:
    """Yield what comes of some answers as server-sent events.

    Each is ``{"answer": id, "text": …}`` or ``{"answer": id, "done": true}``. Closed
    early, it leaves the answers to come to their end by themselves.
    """
    page = _OpenPage()
    for errand in errands:
        task = asyncio.create_task(_bring_to(page, errand))
        _brought[errand.answer_id] = task
        task.add_done_callback(partial(_forget, errand.answer_id))
    left = len(errands)
    try:
        while left:
            try:
                event = await asyncio.wait_for(page.events.get(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            left -= "done" in event
            yield b"data: " + orjson.dumps(event) + b"\n\n"
    finally:
        page.is_open = False


def _forget(answer_id: int, _task: asyncio.Task[None]) -> None:
    _brought.pop(answer_id, None)


def stop(answer_ids: Iterable[int]) -> None:
    """End at once what this process brings of some answers; from any thread.

    Another process hears of it from the database, within ``SAVE_SECONDS``.
    """
    for answer_id in answer_ids:
        task = _brought.get(answer_id)
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)


@dataclass(slots=True)
class _OpenPage:
    """Who listens to answers; nothing is kept for one that has left."""

    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    is_open: bool = True

    def tell(self, event: dict[str, Any]) -> None:
        if self.is_open:
            self.events.put_nowait(event)


async def _bring_to(page: _OpenPage, errand: Errand) -> None:
    async def hear(text: str) -> None:
        page.tell({"answer": errand.answer_id, "text": text})

    try:
        await bring(errand, hear)
    finally:
        page.tell({"answer": errand.answer_id, "done": True})


async def bring_all(errands: Sequence[Errand]) -> None:
    """Bring some answers to their end, for a page that shows them at once."""

    async def hear(_text: str) -> None:
        return None

    tasks = [asyncio.create_task(bring(errand, hear)) for errand in errands]
    _done, late = await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def bring(errand: Errand, hear: Hear) -> None:
    """Ask for one answer and keep what comes of it, however it ends."""
    heard = _Heard()
    state = _State.STOPPED
    listening = asyncio.create_task(_listen(errand, heard, hear))
    noting = asyncio.create_task(_record(errand, heard, listening))
    try:
        await listening
        state = _State.DEAD if heard.error_code else _State.DONE
    except asyncio.CancelledError:
        # The person who asked has had enough.
        pass
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        logger.warning("playground.broke_off", extra={"error": repr(error)[:200]})
        state = _State.DEAD
        heard.error_code = "broken" if heard.request_id else "unreachable"
    finally:
        noting.cancel()
    try:
        await _in_database(services.finish)(errand.answer_id, heard.ended(state))
        await _until_settled(heard)
    except DatabaseError:
        logger.exception("playground.not_kept", extra={"answer": errand.answer_id})


async def _record(errand: Errand, heard: _Heard, listening: asyncio.Task[None]) -> None:
    """Write down how far an answer is, and end it once it is not wanted any more.

    A model may think for minutes before its first word: that work goes on is
    written down all the same.
    """
    while True:
        await asyncio.sleep(SAVE_SECONDS)
        text = heard.text.replace("\0", "")
        try:
            is_wanted = await _in_database(services.record_progress)(
                errand.answer_id, text
            )
        except DatabaseError:
            # It has another second; the end is written down in any case.
            logger.warning("playground.not_noted", extra={"answer": errand.answer_id})
            continue
        if not is_wanted:
            listening.cancel()
            return


async def _listen(errand: Errand, heard: _Heard, hear: Hear) -> None:
    timeout = aiohttp.ClientTimeout(
        total=None, connect=5, sock_connect=5, sock_read=SILENT_SECONDS
    )
    body = {**errand.payload, "stream_options": {"include_usage": True}}
    headers = {
        "Authorization": f"Bearer {errand.secret}",
        "Content-Type": "application/json",
    }
    address = f"{settings.SITE_URL}/v1/chat/completions"
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(
            address, data=json.dumps(body).encode(), headers=headers
        ) as response,
    ):
        heard.request_id = response.headers.get("x-request-id", "")
        await _in_database(services.record_call)(errand.answer_id, heard.request_id)
        if response.status != 200:
            heard.refuse(await _refusal(response))
            return
        async for event in _events(response):
            if piece := heard.take(event):
                await hear(piece)
            if len(heard.text) > MOST_OF_AN_ANSWER:
                heard.error_code = "too_long"
                return


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """Yield the events of a stream. Raises ``ValueError`` for what is none."""
    waiting = b""
    async for chunk in response.content.iter_any():
        *lines, waiting = (waiting + chunk).split(b"\n")
        if len(waiting) > MOST_OF_A_LINE:
            raise ValueError("a line without an end")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            yield orjson.loads(data)


async def _refusal(response: aiohttp.ClientResponse) -> Any:
    try:
        body = orjson.loads(await response.read())
    except orjson.JSONDecodeError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    return error or {"code": f"status_{response.status}"}


async def _until_settled(heard: _Heard) -> None:
    """Wait until the ledger has the call, so that its price can be shown at once."""
    if not heard.request_id or heard.first_token_ms is None:
        return
    has_row = _in_database(UsageEvent.objects.filter(pk=heard.request_id).exists)
    for _look in range(SETTLING_LOOKS):
        if await has_row():
            return
        await asyncio.sleep(SETTLING_SECONDS)


def _in_database(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return ``function`` for the event loop, with a connection for its time alone.

    An answer takes minutes: nothing of the pool is held meanwhile.
    """

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return sync_to_async(call)
