"""Proxies that do nothing else, on the gateway's own server.

What the gateway adds is measured against ``application``, which asks by the gateway's
own client; ``general`` asks by aiohttp. ``BENCH_UPSTREAM`` names where to.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp

from inference.providers.addresses import CheckedResolver
from inference.providers.lean_http import LeanHTTP, address_of

Message = MutableMapping[str, Any]
# Yields a body piece by piece, ``b""`` at its end.
Read = Callable[[], Awaitable[bytes]]
URL = f"{os.environ.get('BENCH_UPSTREAM', '')}/chat/completions"
HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}


class Bare:
    """Passes a body on and its answer back, whole or piece by piece."""

    async def ask(self, body: bytes) -> tuple[str, Read]:
        """Return the kind of an answer, and how to read it."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close what is kept."""

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
        kind, read = await self.ask(body)
        headers = [(b"content-type", kind.encode())]
        if kind.startswith("text/event-stream"):
            await send(
                {"type": "http.response.start", "status": 200, "headers": headers}
            )
            while piece := await read():
                await send(
                    {"type": "http.response.body", "body": piece, "more_body": True}
                )
            await send({"type": "http.response.body", "body": b""})
            return
        parts = []
        while piece := await read():
            parts.append(piece)
        answer = b"".join(parts)
        headers.append((b"content-length", str(len(answer)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def live(
        self,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                await self.close()
                return


class Lean(Bare):
    """Asks as the gateway does."""

    def __init__(self) -> None:
        self.client = LeanHTTP(CheckedResolver().resolve)

    async def ask(self, body: bytes) -> tuple[str, Read]:
        response = await self.client.request(
            "POST", address_of(URL), HEADERS, body, connect_timeout=3
        )
        return response.headers["content-type"], response.read

    async def close(self) -> None:
        self.client.close()


class General(Bare):
    """Asks by a client that everybody knows."""

    session: aiohttp.ClientSession | None = None

    async def ask(self, body: bytes) -> tuple[str, Read]:
        if self.session is None:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=3),
                trust_env=False,
                skip_auto_headers=("user-agent",),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=2**16,
            )
        response = await self.session.post(URL, data=body, headers=HEADERS)
        return response.headers["content-type"], response.content.readany

    async def close(self) -> None:
        if self.session is not None:
            await self.session.close()


application = Lean()
general = General()
