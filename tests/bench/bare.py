"""A proxy that does nothing else, on the gateway's own server and HTTP client.

What the gateway adds is measured against it. ``BENCH_UPSTREAM`` names where to.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp

Message = MutableMapping[str, Any]
UPSTREAM = os.environ.get("BENCH_UPSTREAM", "")


class Bare:
    """Passes a body on and its answer back, whole or piece by piece."""

    def __init__(self) -> None:
        self.session: aiohttp.ClientSession | None = None

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        if scope["method"] != "POST":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if self.session is None:
            self.session = self.client()
        response = await self.session.post(
            f"{UPSTREAM}/chat/completions",
            data=body,
            headers={"content-type": "application/json", "accept-encoding": "identity"},
        )
        kind = response.headers["content-type"]
        headers = [(b"content-type", kind.encode())]
        if kind.startswith("text/event-stream"):
            await send(
                {"type": "http.response.start", "status": 200, "headers": headers}
            )
            while piece := await response.content.readany():
                await send(
                    {"type": "http.response.body", "body": piece, "more_body": True}
                )
            await send({"type": "http.response.body", "body": b""})
            return
        answer = await response.read()
        headers.append((b"content-length", str(len(answer)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=3),
            trust_env=False,
            skip_auto_headers=("user-agent",),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=2**16,
        )

    async def live(
        self,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                if self.session is not None:
                    await self.session.close()
                return


application = Bare()
