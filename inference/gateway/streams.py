"""Streams under way: opened, passed on, and settled by what was written."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from django.conf import settings

from core.errors import Unavailable
from inference.catalog.models import Deployment
from inference.directory.directory import Directory
from inference.gateway.attempts import Attempts, secrets_of
from inference.gateway.exchange import Exchange
from inference.gateway.patience import kept_open
from inference.gateway.relay import AFTER_END_SECONDS, Relay
from inference.gateway.request import Request
from inference.gateway.settlement import Settlement
from inference.protocol import errors
from inference.protocol.errors import APIError
from inference.providers.base import StreamBroke, UpstreamFailed
from inference.routing.faults import Blame
from inference.usage.models import UsageEvent

RECHECK_SECONDS = 5.0  # as old as the copy of a key becomes
DRAIN_SECONDS = 60.0  # most answers have ended by then; the rest is estimated
MAX_DRAINS = 100  # connections that are held open for callers who left
# A connection whose stream has ended is worth this long a wait: it can be used again.
LINGER_SECONDS = 0.2
# How long streams may take to write their last event when the process ends.
STOP_SECONDS = 8
Status = UsageEvent.Status


class Streams:
    """The process's streams. They end early when their key or the process does."""

    def __init__(
        self, directory: Directory, attempts: Attempts, settlement: Settlement
    ) -> None:
        self.directory = directory
        self.attempts = attempts
        self.settlement = settlement
        self.running: set[Exchange] = set()
        self.answers: set[asyncio.Future[None]] = set()
        self.background: set[asyncio.Task[None]] = set()
        self.is_stopping = False

    async def relay(self, exchange: Exchange, request: Request) -> None:
        """Answer with a model's events, and settle. Raises ``APIError`` before them."""
        has_ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answers.add(has_ended)
        try:
            after = settings.STREAM_COMMENTS_AFTER
            async with kept_open(request, exchange, after=after):
                relay = await self._open(exchange)
            request.watch()
            if await self._pass_on(relay, request) or request.has_told_end:
                # A body without its proper end tells what this would hide.
                await request.end_stream()
        except APIError as error:
            if request.has_started_answer:
                await _write_late(request, error)
            raise
        finally:
            has_ended.set_result(None)
            self.answers.discard(has_ended)

    async def _open(self, exchange: Exchange) -> Relay:
        """Return a stream in which a model has spoken."""

        async def attempt(deployment: Deployment) -> Relay:
            provider = self.attempts.providers[deployment.provider]
            # One time for the headers and for what comes after them.
            by = asyncio.get_running_loop().time() + deployment.first_byte_timeout
            stream = await provider.stream(deployment, exchange.ask(deployment))
            secrets = secrets_of(deployment.credential)
            return await Relay(exchange, deployment, stream, secrets).open(by=by)

        relay = await self.attempts.first_answer(exchange, attempt)
        self.running.add(exchange)
        if self.is_stopping:
            exchange.interrupt("shutdown")
        return relay

    async def _pass_on(self, relay: Relay, request: Request) -> bool:
        """Write what the caller is to get and settle; tell whether it was whole."""
        status = Status.FAILED_MID_STREAM
        error: APIError | None = None
        counted = relay.counted
        try:
            if not request.has_started_answer:
                await request.start_stream(relay.exchange.headers)
            error = await relay.pass_on(request.write)
            if relay.interrupted.done() and not relay.has_ended:
                reason = relay.interrupted.result()
                if reason == "client_abort":
                    status = Status.CLIENT_ABORT
                interruption = _INTERRUPTIONS.get(reason)
                error = interruption() if interruption else None
            elif error is None:
                if rest := relay.scanner.finish():
                    await request.write(rest)
                if counted.error:
                    error = self._late_error(relay)
                elif counted.is_whole:
                    status = Status.OK
                else:
                    # Silence would look like a whole answer to the caller.
                    error = errors.upstream_broke_off()
            if error is not None:
                await request.write(error.event())
        except OSError:
            # The caller went away between two pieces.
            status = Status.CLIENT_ABORT
        finally:
            self.running.discard(relay.exchange)
            self._end(relay, status, error)
        return status == Status.OK

    def interrupt_all(self) -> None:
        """End every stream with an error event: the process ends."""
        self.is_stopping = True
        for exchange in list(self.running):
            exchange.interrupt("shutdown")

    async def recheck(self, digest: str) -> None:
        """Cut the running streams of a key that opens nothing any more."""
        mine = [each for each in self.running if each.caller.digest == digest]
        if not mine:
            return
        try:
            caller = await self.directory.caller_of(digest)
        except Unavailable:
            # Without the database no key can have been revoked.
            return
        if caller is None:
            for exchange in mine:
                exchange.interrupt("revoked")

    async def recheck_forever(self) -> None:
        """Notice keys that end while they stream, even when nobody announces it."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            for digest in {exchange.caller.digest for exchange in self.running}:
                await self.recheck(digest)

    async def wait_for_answers(self) -> None:
        """Wait until every stream has written its end."""
        if self.answers:
            await asyncio.wait(self.answers, timeout=STOP_SECONDS)

    async def wait_for_drains(self) -> None:
        """Let upstreams that are read to their end come to it."""
        if self.background:
            await asyncio.wait(self.background, timeout=5)  # systemd waits for 30

    def _late_error(self, relay: Relay) -> APIError:
        """Return what is told of an error in the middle, cleaned as before it."""
        body = orjson.dumps({"error": relay.counted.error})
        failure = UpstreamFailed(relay.stream.status, body=body)
        verdict = self.attempts.judge(relay.exchange, relay.deployment, failure)
        if verdict.blame is Blame.CALLER:
            return verdict.error
        return errors.upstream_broke_off()

    def _end(self, relay: Relay, status: str, error: APIError | None) -> None:
        """Settle now, or after the upstream has been read to its end."""
        counted = relay.counted
        if counted.error:
            # The caller who was told of it has left because of it.
            status = Status.FAILED_MID_STREAM
        elif counted.is_whole:
            status = Status.OK
        is_early = not relay.has_ended and (
            # All was said, and what it used comes next.
            counted.is_whole
            or (relay.exchange.drains and status == Status.CLIENT_ABORT)
        )
        has_room = len(self.background) < MAX_DRAINS
        if is_early and has_room:
            # The upstream bills the whole answer, so the whole answer is metered.
            seconds = AFTER_END_SECONDS if counted.is_whole else DRAIN_SECONDS
            self._in_background(self._drain(relay, status, seconds))
            return
        self._settle(relay, status, error.code if error is not None else None)
        if counted.is_done and not relay.is_read and has_room:
            self._in_background(_read_to_end(relay, LINGER_SECONDS))
        else:
            relay.abandon()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def _drain(self, relay: Relay, status: str, seconds: float) -> None:
        try:
            await _read_to_end(relay, seconds)
        finally:
            self._settle(relay, status, None)

    def _settle(self, relay: Relay, status: str, error_code: str | None) -> None:
        tokens = relay.counted.tokens(relay.exchange.bounds)
        self.settlement.settle(relay.exchange, status, tokens, error_code=error_code)


async def _write_late(request: Request, error: APIError) -> None:
    """Tell of a failure for which the status has been sent already."""
    with contextlib.suppress(OSError):
        await request.write(error.event())
        if request.has_told_end:
            await request.end_stream()


async def _read_to_end(relay: Relay, seconds: float) -> None:
    """Read what is left of a stream; its connection can then be used again."""
    try:
        async with asyncio.timeout(seconds):
            await relay.read_rest()
    except (TimeoutError, StreamBroke):
        pass
    finally:
        relay.abandon()


_INTERRUPTIONS: dict[str, Callable[[], APIError]] = {
    "revoked": errors.key_ended,
    "shutdown": errors.shutting_down,
}
