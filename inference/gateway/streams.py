"""Streams under way: opened, passed on, and settled by what was written."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import orjson

from inference.catalog.models import Deployment
from inference.gateway import errors
from inference.gateway.attempts import Attempts
from inference.gateway.books import Books
from inference.gateway.errors import GatewayError
from inference.gateway.faults import Blame
from inference.gateway.streaming import StreamScanner
from inference.gateway.upstreams import (
    AFTER_END_SECONDS,
    SILENCE,
    Begun,
    Work,
    abandon,
    ask_of,
    close_upstream,
    first_content,
    next_piece,
)
from inference.providers.base import Provider, StreamBroke, UpstreamFailed
from inference.usage.models import UsageEvent

STREAM_SECONDS = 1800.0
DRAIN_SECONDS = 60.0
MAX_DRAINS = 100
# A connection whose stream has ended is worth this long a wait: it can be used again.
HANG_UP_SECONDS = 0.2
Status = UsageEvent.Status


class Streams:
    """Opens streams, passes them on and settles them."""

    def __init__(
        self, attempts: Attempts, books: Books, providers: dict[str, Provider]
    ) -> None:
        self.attempts = attempts
        self.books = books
        self.providers = providers
        self.running: set[Begun] = set()
        self.drains: set[asyncio.Task[None]] = set()

    async def open(self, work: Work) -> Begun:
        """Return a stream in which a model has spoken. Raises ``GatewayError``."""

        async def run(deployment: Deployment) -> Begun:
            return await self._try(work, deployment)

        begun: Begun | None = None
        try:
            begun = await self.attempts.first_answer(work, run)
        except GatewayError as error:
            self.books.fail(work, work.failed_as, error)
            raise
        except asyncio.CancelledError:
            self.books.leave(work)
            raise
        finally:
            if begun is None:
                self.books.fail(work, Status.UPSTREAM_ERROR, errors.internal_error(""))
        self.running.add(begun)
        return begun

    async def run(
        self, begun: Begun, write: Callable[[bytes], Awaitable[None]]
    ) -> bool:
        """Write what the caller is to get and settle; tell whether it was whole."""
        status = Status.FAILED_MID_STREAM
        error: GatewayError | None = None
        counted = begun.scanner.counted
        try:
            if begun.first:
                await write(begun.first)
            error = await self._pass_on(begun, write)
            if begun.interrupted.done() and not begun.has_ended:
                reason = begun.interrupted.result()
                if reason == "client_abort":
                    status = Status.CLIENT_ABORT
                interruption = _INTERRUPTIONS.get(reason)
                error = interruption() if interruption else None
            elif error is None:
                if rest := begun.scanner.finish():
                    await write(rest)
                if counted.error:
                    error = self._late_error(begun)
                elif counted.is_whole:
                    status = Status.OK
                else:
                    # Silence would look like a whole answer to the caller.
                    error = errors.upstream_broke_off()
            if error is not None:
                await write(error.event())
        except OSError:
            # The caller went away between two pieces.
            status = Status.CLIENT_ABORT
        finally:
            self.running.discard(begun)
            self._end(begun, status, error)
        return status == Status.OK

    async def close(self) -> None:
        """Let drains end."""
        if self.drains:
            await asyncio.wait(self.drains, timeout=5)

    async def _try(self, work: Work, deployment: Deployment) -> Begun:
        provider = self.providers[deployment.provider]
        stream = await provider.stream(deployment, ask_of(work))
        scanner = StreamScanner(
            work.envelope, work.bounds, wants_usage=work.call.wants_usage
        )
        try:
            async with asyncio.timeout(deployment.first_byte_timeout):
                first, ended = await first_content(stream, scanner)
        except TimeoutError as error:
            close_upstream(stream)
            raise UpstreamFailed(0, is_timeout=True) from error
        except StreamBroke as error:
            close_upstream(stream)
            raise UpstreamFailed(200) from error
        except BaseException:
            close_upstream(stream)
            raise
        work.first_byte_ms = int((time.perf_counter() - work.started) * 1000)
        work.running.tokens_out = work.bounds.estimated_out(scanner.counted.written)
        heard_at = asyncio.get_running_loop().time()
        return Begun(work, deployment, stream, scanner, first, ended, heard_at)

    async def _pass_on(
        self, begun: Begun, write: Callable[[bytes], Awaitable[None]]
    ) -> GatewayError | None:
        """Write pieces until the end, an interruption or an error to be told."""
        scanner, work = begun.scanner, begun.work
        ends_at = asyncio.get_running_loop().time() + STREAM_SECONDS
        while not begun.has_ended and not begun.interrupted.done():
            try:
                piece = await next_piece(begun, ends_at)
                if piece is None:
                    continue
                if piece is SILENCE:
                    await write(piece)
                    continue
                begun.ended = not piece
                out = scanner.feed(piece)
            except StreamBroke:
                if scanner.counted.is_whole:
                    # All was said; only the sign of the end is missing.
                    begun.ended = True
                    return None
                return errors.upstream_broke_off()
            work.running.tokens_out = work.bounds.estimated_out(scanner.counted.written)
            if out:
                await write(out)
        return None

    def _late_error(self, begun: Begun) -> GatewayError:
        """Return what is told of an error in the middle, cleaned as before it."""
        body = orjson.dumps({"error": begun.scanner.counted.error})
        failure = UpstreamFailed(200, body=body)
        verdict = self.attempts.judge(begun.work, begun.deployment, failure)
        # What was delivered is billed, so it is no loss.
        begun.work.lost_in -= begun.work.bounds.estimated_in
        if verdict.blame is Blame.CALLER:
            return verdict.error
        return errors.upstream_broke_off()

    def _end(self, begun: Begun, status: str, error: GatewayError | None) -> None:
        """Settle now, or after the upstream has been read to its end."""
        counted = begun.scanner.counted
        code = error.code if error is not None else None
        if counted.error:
            # The caller who was told of it has left because of it.
            status = Status.FAILED_MID_STREAM
        elif counted.is_whole:
            status = Status.OK
        drains = begun.deployment.on_disconnect == Deployment.OnDisconnect.DRAIN
        is_early = not begun.has_ended and (
            # All was said, and what it used comes next.
            counted.is_whole or (drains and status == Status.CLIENT_ABORT)
        )
        if is_early and len(self.drains) < MAX_DRAINS:
            # The upstream bills the whole answer, so the whole answer is metered.
            seconds = AFTER_END_SECONDS if counted.is_whole else DRAIN_SECONDS
            self._aside(self._drain(begun, status, seconds))
            return
        self._settle(begun, status, code)
        if counted.is_done and not begun.ended and len(self.drains) < MAX_DRAINS:
            self._aside(self._hang_up(begun))
        else:
            abandon(begun)

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.drains.add(task)
        task.add_done_callback(self.drains.discard)

    async def _drain(self, begun: Begun, status: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._read_on(begun)
        except (TimeoutError, StreamBroke):
            pass
        finally:
            abandon(begun)
            self._settle(begun, status, None)

    async def _hang_up(self, begun: Begun) -> None:
        """Read the end of a stream that said it ends, to keep its connection."""
        try:
            async with asyncio.timeout(HANG_UP_SECONDS):
                await self._read_on(begun)
        except (TimeoutError, StreamBroke):
            pass
        finally:
            abandon(begun)

    async def _read_on(self, begun: Begun) -> None:
        if begun.pending is not None:
            begun.scanner.feed(await begun.pending)
        async for piece in begun.stream.pieces:
            begun.scanner.feed(piece)

    def _settle(self, begun: Begun, status: str, code: str | None) -> None:
        tokens = begun.scanner.counted.tokens(begun.work.bounds)
        self.books.settle(begun.work, status, tokens, error_code=code)


_INTERRUPTIONS: dict[str, Callable[[], GatewayError]] = {
    "revoked": errors.key_ended,
    "shutdown": errors.shutting_down,
}
