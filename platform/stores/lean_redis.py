"""A Redis client for one event loop: one connection, everything pipelined.

The general client costs a third of a request. This one knows only what the
gateway needs: commands whose answers come in order, and a connection that is
made again when it breaks. What was under way then fails with ``RedisDown``.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import hiredis

from stores.redis import TIMEOUT

Argument = bytes | str | int

# A call waits for a frozen Redis until the next look, and that look's time-out: a
# second in the worst case. Then nobody asks for a while, and calls go on without.
LOOK_SECONDS = 0.5  # with the time-out a second, which a call may take longer
REST_SECONDS = 1.0


class RedisDown(Exception):
    """Redis cannot be asked right now."""


class RedisConnection(asyncio.Protocol):
    """One connection; answers are handed out in the order of the questions."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader()
        # ``None`` where nobody waits for the answer.
        self.waiting: deque[asyncio.Future[Any] | None] = deque()
        self.outgoing: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        while self.waiting:
            future = self.waiting.popleft()
            if future is not None and not future.done():
                future.set_exception(RedisDown("The connection broke."))

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        while (answer := self.reader.gets()) is not False:
            future = self.waiting.popleft()
            if future is None or future.done():
                continue
            if isinstance(answer, hiredis.ReplyError):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def send(self, arguments: Sequence[Argument]) -> "asyncio.Future[Any]":
        """Queue a command; those of one turn of the loop leave together."""
        future: asyncio.Future[Any] = self.loop.create_future()
        if self.transport is None:
            future.set_exception(RedisDown("Not connected."))
            return future
        self._queue(arguments, future)
        return future

    def tell(self, arguments: Sequence[Argument]) -> None:
        """Queue a command whose answer nobody waits for."""
        if self.transport is not None:
            self._queue(arguments, None)

    def _queue(
        self, arguments: Sequence[Argument], future: "asyncio.Future[Any] | None"
    ) -> None:
        if not self.outgoing:
            self.loop.call_soon(self._flush)
        self.outgoing.append(hiredis.pack_command(tuple(arguments)))  # type: ignore[arg-type]
        self.waiting.append(future)

    def _flush(self) -> None:
        data, self.outgoing = b"".join(self.outgoing), []
        if self.transport is not None:
            self.transport.write(data)


class LeanRedis:
    """Commands and scripts for the gateway, over one connection per process."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        self.url = urlsplit(url)
        self.timeout = timeout
        self.connection: RedisConnection | None = None
        self._connecting: asyncio.Lock | None = None
        self._retry_at = 0.0

    async def call(self, *arguments: Argument) -> Any:
        """Run one command. Raises ``RedisDown`` or ``hiredis.ReplyError``."""
        connection = self.connection
        if connection is None or connection.transport is None:
            connection = await self._connect()
        future = connection.send(arguments)
        try:
            # A timer per call would cost more than the call; ``watch`` ends stalls.
            return await future
        except asyncio.CancelledError:
            future.cancel()
            raise

    async def run(
        self, script: "Script", keys: Sequence[str], *arguments: Argument
    ) -> Any:
        """Run a script by its digest, loading it where Redis does not know it."""
        try:
            return await self.call(
                "EVALSHA", script.digest, len(keys), *keys, *arguments
            )
        except hiredis.ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return await self.call("EVAL", script.text, len(keys), *keys, *arguments)

    def send(
        self, script: "Script", keys: Sequence[str], *arguments: Argument
    ) -> "asyncio.Future[Any]":
        """Run a script Redis knows, on the connection there is."""
        if self.connection is None:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            future.set_exception(RedisDown("Not connected."))
            return future
        return self.connection.send(
            ("EVALSHA", script.digest, len(keys), *keys, *arguments)
        )

    def tell(self, *arguments: Argument) -> None:
        """Send a command that may be lost."""
        if self.connection is not None:
            self.connection.tell(arguments)

    async def watch(self) -> None:
        """Ping now and then; a connection that does not answer is dropped."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            connection = self.connection
            if connection is None or connection.transport is None:
                continue
            try:
                await asyncio.wait_for(
                    asyncio.shield(connection.send(["PING"])), self.timeout
                )
            except hiredis.ReplyError:
                # It answers: it is still loading its file, for one.
                continue
            except (TimeoutError, RedisDown):
                if connection.transport is not None:
                    connection.transport.abort()

    async def close(self) -> None:
        if self.connection is not None and self.connection.transport is not None:
            self.connection.transport.close()

    async def _connect(self) -> RedisConnection:
        if self._connecting is None:
            self._connecting = asyncio.Lock()
        loop = asyncio.get_running_loop()
        async with self._connecting:
            if self.connection is not None and self.connection.transport is not None:
                return self.connection
            # While Redis is away one attempt per second is enough for all.
            if loop.time() < self._retry_at:
                raise RedisDown("Not reachable.")
            try:
                async with asyncio.timeout(self.timeout):
                    _, protocol = await loop.create_connection(
                        RedisConnection,
                        self.url.hostname or "127.0.0.1",
                        self.url.port or 6379,
                    )
                    await self._greet(protocol)
            except (OSError, TimeoutError, hiredis.ReplyError) as error:
                self._retry_at = loop.time() + REST_SECONDS
                raise RedisDown(str(error)) from error
            self.connection = protocol
            return protocol

    async def _greet(self, connection: RedisConnection) -> None:
        if self.url.password:
            credentials = [
                unquote(part) for part in (self.url.username, self.url.password) if part
            ]
            await connection.send(["AUTH", *credentials])
        database = self.url.path.lstrip("/")
        if database and database != "0":
            await connection.send(["SELECT", database])
        # A frozen server's machine accepts connections, too.
        await connection.send(["PING"])


class Script:
    """A Lua script and the digest Redis knows it by."""

    def __init__(self, text: str) -> None:
        import hashlib

        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
