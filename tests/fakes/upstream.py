"""A model server that does what a test tells it to, spoken to over real HTTP.

The model name in a request chooses the behaviour, for example ``plain`` or
``cut-after-3``. What was asked is kept in ``requests``.
"""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.servers import free_port

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
WORDS = ("Hello", " there", "!")


def chunk(content: str = "", *, finish: str | None = None, **extra: Any) -> bytes:
    """Return one event of a stream."""
    delta = {"content": content} if content else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {
        "id": "up-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "up",
        "choices": [choice],
        **extra,
    }
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def delta(finish: str | None = None, **fields: Any) -> bytes:
    """Return one event of a stream with a delta of the test's own."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    body = {"id": "up-1", "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def usage_event() -> bytes:
    body = {
        "id": "up-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "up",
        "choices": [],
        "usage": USAGE,
    }
    return b"data: " + json.dumps(body).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
EVENTS = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


@dataclass
class Script:
    """One answer, byte by byte: what is written, and pauses in seconds.

    ``thinks`` is how long it takes to the headers.
    """

    body: Sequence[bytes | float | None]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON))
    thinks: float = 0.0


def whole(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Script:
    """Return a script that answers JSON at once."""
    return Script([json.dumps(value).encode()], status, {**JSON, **(headers or {})})


def events(*pieces: bytes | float | None) -> Script:
    """Return a script that streams these pieces."""
    return Script(pieces, headers=EVENTS)


class Upstream:
    """The server's address and what it was asked."""

    def __init__(self) -> None:
        self.port = free_port()
        self.requests: list[dict[str, Any]] = []
        # Statuses to refuse the next requests with, whatever they ask for.
        self.refusals: list[int] = []
        self.aborted = 0
        # Streams that were written to their end.
        self.finished = 0
        # How long "paced" and "slow" wait between two tokens, and a whole "slow".
        self.pause = 0.05
        self.whole_pause = 10.0
        # What behaviours of a test's own answer, by the model's name.
        self.scripts: dict[str, Script] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        payload = await request.json()
        headers = dict(request.headers)
        asked = {"payload": payload, "headers": headers, "path": request.path}
        self.requests.append(asked)
        behaviour = payload["model"]
        if self.refusals:
            return _refusal(self.refusals.pop(0))
        if behaviour in self.scripts:
            return await self._play(request, self.scripts[behaviour])
        if behaviour == "redirect":
            raise web.HTTPFound("http://127.0.0.1:1/stolen")
        if behaviour.startswith("status-"):
            return _refusal(int(behaviour.removeprefix("status-")))
        if behaviour == "agent":
            return web.json_response(_agent(payload))
        if behaviour == "never":
            await asyncio.sleep(3600)
        if not payload.get("stream"):
            if behaviour == "slow":
                await asyncio.sleep(self.whole_pause)
            return _whole(behaviour, payload.get("n") or 1)
        return await self._stream(request, behaviour)

    async def _play(self, request: web.Request, script: "Script") -> web.StreamResponse:
        """Answer as a test's own script says; ``None`` in it resets the connection."""
        await asyncio.sleep(script.thinks)
        response = web.StreamResponse(status=script.status, headers=script.headers)
        await response.prepare(request)
        for piece in script.body:
            if piece is None:
                if request.transport is not None:
                    request.transport.abort()
                return response
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                await response.write(piece)
        await response.write_eof()
        return response

    async def _stream(self, request: web.Request, behaviour: str) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={
                "content-type": "text/event-stream",
                "set-cookie": "upstream=1",
                "x-upstream": "secret",
            }
        )
        await response.prepare(request)
        try:
            for piece, pause in pieces(behaviour, self.pause):
                if piece is None:
                    if request.transport is not None:
                        request.transport.abort()
                    return response
                await response.write(piece)
                await asyncio.sleep(pause)
            await response.write_eof()
            self.finished += 1
        except (ConnectionResetError, asyncio.CancelledError):
            self.aborted += 1
            raise
        return response


def pieces(behaviour: str, pace: float = 0.05) -> Iterator[tuple[bytes | None, float]]:
    """Yield what a behaviour writes and how long it waits after each write."""
    if behaviour == "error-in-200":
        yield b'data: {"error": {"message": "out of memory"}}\n\n', 0
        return
    if behaviour == "slow":
        for index in range(200):
            yield chunk(f"w{index} "), pace
    if behaviour == "cut":
        yield chunk("Hello"), 0.01
        yield None, 0
        return
    if behaviour == "no-end":
        yield chunk("Hello"), 0
        return
    if behaviour == "no-done":
        yield chunk("Hello"), 0
        yield chunk(finish="stop"), 0
        yield usage_event(), 0
        return
    if behaviour == "late-error":
        yield chunk("Hello"), 0.01
        yield b'data: {"error": {"message": "died", "type": "server_error"}}\n\n', 0
        return
    if behaviour == "split":
        text = b"".join(
            [
                *(chunk(word) for word in ("你好", "世界")),
                chunk(finish="stop"),
                usage_event(),
                DONE,
            ]
        )
        for index in range(0, len(text), 7):
            yield text[index : index + 7], 0.001
        return
    if behaviour == "crlf":
        for event in (*(chunk(word) for word in WORDS), usage_event(), DONE):
            yield event.replace(b"\n", b"\r\n"), 0
        return
    if behaviour == "silent":
        yield chunk("Hello"), 3600
    if behaviour == "comment-first":
        yield b": waiting\n\n", 0.01
    if behaviour == "pause":
        yield chunk("Hello"), 1.0
    if behaviour == "big":
        for index in range(1000):
            yield chunk(f"{index}:" + "x" * 65_000), 0
    if behaviour == "looks-like-framing":
        yield chunk('data: [DONE] "usage" "error" \n\ndata: x'), 0
    if behaviour == "tools":
        for fragment in ('{"ci', 'ty": "', '上海"}'):
            call = {"index": 0, "function": {"arguments": fragment}}
            body = {
                "id": "up-1",
                "choices": [{"index": 0, "delta": {"tool_calls": [call]}}],
            }
            # Spaces and escapes as no serialiser of ours would write them.
            yield b"data:  " + json.dumps(body).encode() + b"\n\n", 0
        yield chunk(finish="tool_calls"), 0
        yield usage_event(), 0
        yield DONE, 0
        return
    if behaviour == "endless-event":
        yield b"data: ", 0
        for _ in range(20):
            yield b"x" * 1_000_000, 0
    if behaviour == "running-usage":
        for number, word in enumerate(WORDS, 1):
            total = {"prompt_tokens": 9, "completion_tokens": number}
            yield chunk(word, usage=total), 0
        yield chunk(finish="stop"), 0
        yield DONE, 0
        return
    if behaviour == "usage-with-choice":
        yield chunk("Hello"), 0
        yield chunk(finish="stop", usage=USAGE), 0
        yield DONE, 0
        return
    for word in WORDS:
        yield chunk(word), 0.02 if behaviour == "paced" else 0
    yield chunk(finish="stop"), 0
    if behaviour != "no-usage":
        yield usage_event(), 0
    yield DONE, 0


def _agent(payload: dict[str, Any]) -> dict[str, Any]:
    """Answer as a good model would: by a tool, by a schema, or in words."""
    reading = json.dumps({"city": "Paris", "degrees": 21})
    message: dict[str, Any] = {"role": "assistant", "content": "".join(WORDS)}
    finish = "stop"
    if payload["messages"][-1]["role"] == "tool":
        message["content"] = "It is 21 degrees in Paris."
    elif payload.get("tools"):
        function = {
            "name": payload["tools"][0]["function"]["name"],
            "arguments": reading,
        }
        call = {"id": "call_1", "type": "function", "function": function}
        message |= {"content": None, "tool_calls": [call]}
        finish = "tool_calls"
    elif payload.get("response_format") or "JSON" in json.dumps(payload["messages"]):
        message["content"] = reading
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"object": "chat.completion", "choices": [choice], "usage": USAGE}


def _refusal(status: int) -> web.Response:
    body = {
        "error": {
            "message": f"refused with {status}",
            "type": "x",
            "param": "messages",
            "code": "y",
        }
    }
    headers = {"retry-after": "7"} if status == 429 else {}
    return web.json_response(body, status=status, headers=headers)


def _whole(behaviour: str, count: int) -> web.Response:
    if behaviour == "garbage":
        return web.Response(text="<html>oops</html>")
    body: dict[str, Any] = {
        "id": "up-1",
        "object": "chat.completion",
        "created": 1,
        "model": behaviour,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": "".join(WORDS)},
                "finish_reason": "stop",
            }
            for index in range(count)
        ],
        "usage": USAGE,
    }
    if behaviour == "no-usage":
        del body["usage"]
    headers = {"set-cookie": "upstream=1", "x-upstream": "secret"}
    return web.json_response(body, headers=headers)


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """Serve an ``Upstream`` in a thread until the block ends."""
    upstream = Upstream()
    application = web.Application(client_max_size=32_000_000)
    application.router.add_post("/v1/{tail:.*}", upstream.answer)
    with serving(application, upstream.port):
        yield upstream


@contextmanager
def serving(application: web.Application, port: int) -> Iterator[None]:
    """Serve an application in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def serve() -> web.AppRunner:
        runner = web.AppRunner(
            application, handler_cancellation=True, shutdown_timeout=0.1
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
