"""One stream on its way from an upstream to a caller."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

import orjson

from inference.catalog.models import Deployment
from inference.gateway.exchange import Exchange
from inference.protocol import errors
from inference.protocol.errors import APIError
from inference.providers.base import Stream, StreamBroke, UpstreamFailed

STREAM_SECONDS = 1800.0  # the longest answers of the slowest models take minutes
KEEP_ALIVE_SECONDS = 15.0  # proxies cut what is silent for half a minute
# How long the usage may come after a model has said that it ends.
AFTER_END_SECONDS = 5.0
# A comment: no client takes it for an event.
SILENCE = b": keep-alive\n\n"

Write = Callable[[bytes], Awaitable[None]]


class Relay:
    """Reads an upstream's stream, counts it and passes it on.

    ``first`` is what may be sent once the model has said something. Until then
    another deployment may answer instead: some servers answer 200, name a role, and
    then send an error.
    """

    def __init__(
        self,
        exchange: Exchange,
        deployment: Deployment,
        stream: Stream,
        secrets: tuple[bytes, ...] = (),
    ) -> None:
        self.exchange = exchange
        self.deployment = deployment
        self.stream = stream
        self.scanner = exchange.scanner_at(deployment, secrets)
        self.counted = self.scanner.counted
        self.first = b""
        self.is_read = False
        loop = asyncio.get_running_loop()
        self.heard_at = loop.time()
        self.interrupted: asyncio.Future[str] = loop.create_future()
        # What the upstream is being waited for; survives a keep-alive and a drain.
        self.pending: asyncio.Future[bytes] | None = None

    async def open(self, *, by: float) -> Self:
        """Return when the model has spoken. Raises ``UpstreamFailed``.

        ``by`` is when it has to have, on the loop's clock; what is here already is
        taken even then.
        """
        try:
            async with asyncio.timeout_at(by):
                await self._read_first()
        except TimeoutError as error:
            self.close()
            raise UpstreamFailed(0, is_timeout=True) from error
        except StreamBroke as error:
            self.close()
            raise UpstreamFailed(self.stream.status) from error
        except BaseException:
            self.close()
            raise
        self.exchange.record_first_byte()
        self._report()
        self.heard_at = asyncio.get_running_loop().time()
        self.interrupted = self.exchange.start_streaming()
        return self

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more is to come that a caller would see."""
        return self.is_read or self.counted.is_done or bool(self.counted.error)

    async def pass_on(self, write: Write) -> APIError | None:
        """Write pieces until the end or an interruption; return what went wrong."""
        if self.first:
            await write(self.first)
        ends_at = asyncio.get_running_loop().time() + STREAM_SECONDS
        while not self.has_ended and not self.interrupted.done():
            try:
                piece = await self.next_piece(ends_at)
                if piece is None:
                    continue
                if piece is SILENCE:
                    await write(piece)
                    continue
                self.is_read = not piece
                out = self.scanner.feed(piece)
            except StreamBroke:
                if self.counted.is_whole:
                    # All was said; only the sign of the end is missing.
                    self.is_read = True
                    return None
                return errors.upstream_broke_off()
            self._report()
            if out:
                await write(out)
        return None

    async def next_piece(self, ends_at: float) -> bytes | None:
        """Return the next bytes, ``b""`` at the end, ``None`` when interrupted.

        A long silence is a keep-alive, a longer one raises ``StreamBroke``.
        """
        loop = asyncio.get_running_loop()
        if self.pending is None:
            self.pending = asyncio.ensure_future(self._read())
        patience = self.deployment.idle_timeout
        if self.counted.is_whole:
            patience = min(patience, AFTER_END_SECONDS)
        breaks_at = min(self.heard_at + patience, ends_at)
        await asyncio.wait(
            (self.pending, self.interrupted),
            timeout=max(0.0, min(KEEP_ALIVE_SECONDS, breaks_at - loop.time())),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self.pending.done():
            arrived, self.pending = self.pending, None
            self.heard_at = loop.time()
            return arrived.result()
        if self.interrupted.done():
            return None
        if loop.time() >= breaks_at:
            raise StreamBroke
        return SILENCE

    async def read_rest(self) -> None:
        """Read an upstream to its end, for what it counts. Raises ``StreamBroke``."""
        if self.pending is not None:
            self.scanner.feed(await self.pending)
        async for piece in self.stream.pieces:
            self.scanner.feed(piece)

    def abandon(self) -> None:
        """Stop reading an upstream."""
        pending, self.pending = self.pending, None
        if pending is not None:
            # Nothing is done with what it ends with.
            pending.add_done_callback(lambda done: done.cancelled() or done.exception())
            pending.cancel()
        self.close()

    def close(self) -> None:
        """Close an upstream's connection."""
        if self.stream.close is not None:
            self.stream.close()

    async def _read_first(self) -> None:
        counted = self.counted
        while not (
            counted.has_content or counted.is_done or counted.error or self.is_read
        ):
            piece = await self._read()
            self.is_read = not piece
            self.first += self.scanner.feed(piece) if piece else self.scanner.finish()
        if counted.error and not counted.has_content:
            body = orjson.dumps({"error": counted.error})
            was_run = counted.usage is not None
            raise UpstreamFailed(self.stream.status, body=body, was_run=was_run)
        if not (counted.has_content or counted.is_done):
            # It ended as if all were well: nothing says that it was not done.
            raise UpstreamFailed(self.stream.status, was_run=True)

    async def _read(self) -> bytes:
        return await anext(self.stream.pieces, b"")

    def _report(self) -> None:
        written = self.counted.written
        self.exchange.record_tokens(self.exchange.bounds.estimated_out(written))
