"""A request under way, and the upstream that answers it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from inference.catalog.models import Deployment
from inference.gateway.admission import Reservation
from inference.gateway.errors import GatewayError
from inference.gateway.protocol import Call
from inference.gateway.settlement import Running
from inference.gateway.state import Caller, OfferedModel
from inference.gateway.streaming import StreamScanner
from inference.providers.base import Stream, StreamBroke, UpstreamFailed

KEEP_ALIVE_SECONDS = 15.0
# A comment: no client takes it for an event.
SILENCE = b": keep-alive\n\n"


@dataclass(slots=True)
class Work:
    """A request that was admitted."""

    call: Call
    caller: Caller
    model: OfferedModel
    reservation: Reservation
    running: Running
    estimated_in: int
    client_request_id: str
    occurred_at: datetime
    started: float
    deployment: Deployment | None = None
    first_byte_ms: int | None = None
    price_nano: int = 0
    is_settled: bool = False


@dataclass(slots=True, eq=False)
class Begun:
    """A stream whose first event is good: what to send, and what is to come."""

    work: Work
    deployment: Deployment
    stream: Stream
    scanner: StreamScanner
    first: bytes
    ended: bool
    heard_at: float
    # What the upstream is being waited for; survives a keep-alive and a drain.
    pending: "asyncio.Future[bytes] | None" = None
    interrupted: "asyncio.Future[str]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def interrupt(self, reason: str) -> None:
        """End the stream early: ``client_abort``, ``revoked`` or ``shutdown``."""
        if not self.interrupted.done():
            self.interrupted.set_result(reason)


async def first_event(stream: Stream, scanner: StreamScanner) -> tuple[bytes, bool]:
    """Return what may be sent once it is no error, and whether that was all.

    Some servers answer 200 and then send an error as the first event.
    """
    first = b""
    ended = False
    while not scanner.counted.events and not ended:
        piece = await anext(stream.pieces, b"")
        ended = not piece
        first += scanner.feed(piece) if piece else scanner.finish()
    counted = scanner.counted
    if counted.error is not None and counted.deltas == 0:
        body = orjson.dumps({"error": counted.error})
        raise UpstreamFailed(502, is_retryable=True, body=body)
    if not counted.events:
        raise UpstreamFailed(502, is_retryable=True)
    return first, ended


async def next_piece(begun: Begun, ends_at: float) -> bytes | None:
    """Return the next bytes, ``b""`` at the end, ``None`` when interrupted.

    A long silence is a keep-alive, a longer one raises ``StreamBroke``.
    """
    loop = asyncio.get_running_loop()
    if begun.pending is None:
        begun.pending = asyncio.ensure_future(_read(begun.stream.pieces))
    breaks_at = min(begun.heard_at + begun.deployment.idle_timeout, ends_at)
    await asyncio.wait(
        (begun.pending, begun.interrupted),
        timeout=max(0.0, min(KEEP_ALIVE_SECONDS, breaks_at - loop.time())),
        return_when=asyncio.FIRST_COMPLETED,
    )
    if begun.pending.done():
        arrived, begun.pending = begun.pending, None
        begun.heard_at = loop.time()
        return arrived.result()
    if begun.interrupted.done():
        return None
    if loop.time() >= breaks_at:
        raise StreamBroke
    return SILENCE


async def _read(pieces: AsyncIterator[bytes]) -> bytes:
    return await anext(pieces, b"")


def abandon(begun: Begun) -> None:
    """Stop reading an upstream."""
    pending, begun.pending = begun.pending, None
    if pending is not None:
        # Whatever it ends with is nobody's affair any more.
        pending.add_done_callback(lambda done: done.cancelled() or done.exception())
        pending.cancel()
    close_upstream(begun.stream)


def close_upstream(stream: Stream) -> None:
    """Let go of an upstream's connection."""
    if stream.close is not None:
        stream.close()


def callers_fault(failure: UpstreamFailed) -> GatewayError:
    """Pass on what an upstream says of the request, not where it was said."""
    message, kind, param, code = (
        "The model refused the request.",
        "invalid_request_error",
        None,
        None,
    )
    try:
        said = orjson.loads(failure.body)["error"]
        text = str(said.get("message", ""))
        if text and "://" not in text:
            message = text[:500]
        kind = str(said.get("type") or kind)
        param, code = said.get("param"), said.get("code")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass
    return GatewayError(
        400,
        message,
        kind=kind,
        param=param if isinstance(param, str) else None,
        code=str(code) if code else None,
    )
