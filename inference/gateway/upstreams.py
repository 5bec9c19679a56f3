"""A request under way, and the upstream that answers it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from inference.catalog.models import Deployment
from inference.gateway.admission import Reservation
from inference.gateway.answers import Envelope
from inference.gateway.metering import Bounds
from inference.gateway.protocol import Call
from inference.gateway.settlement import Running
from inference.gateway.state import Caller, OfferedModel
from inference.gateway.streaming import StreamScanner
from inference.providers.base import Ask, Stream, StreamBroke, UpstreamFailed
from inference.usage.models import UsageEvent

KEEP_ALIVE_SECONDS = 15.0
# How long the usage may come after a model has said that it ends.
AFTER_END_SECONDS = 5.0
# A comment: no client takes it for an event.
SILENCE = b": keep-alive\n\n"


@dataclass(slots=True)
class Work:
    """A request that was admitted. ``most_out`` is the longest one answer may be."""

    call: Call
    caller: Caller
    model: OfferedModel
    reservation: Reservation
    running: Running
    bounds: Bounds
    most_out: int
    envelope: Envelope
    client_request_id: str
    occurred_at: datetime
    started: float
    deployment: Deployment | None = None
    first_byte_ms: int | None = None
    price_nano: int = 0
    # Prompt tokens of attempts that were run and gave nothing: a cost of ours.
    lost_in: int = 0
    # How the last attempt failed, as the usage row tells it.
    failed_as: str = UsageEvent.Status.UPSTREAM_ERROR
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

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more is to come that a caller would see."""
        counted = self.scanner.counted
        return self.ended or counted.is_done or bool(counted.error)

    def interrupt(self, reason: str) -> None:
        """End the stream early: ``client_abort``, ``revoked`` or ``shutdown``."""
        if not self.interrupted.done():
            self.interrupted.set_result(reason)


async def first_content(stream: Stream, scanner: StreamScanner) -> tuple[bytes, bool]:
    """Return what may be sent once the model has said something, and whether all.

    Until then another deployment may answer instead: some servers answer 200, name
    a role, and then send an error. Raises ``UpstreamFailed``.
    """
    first = b""
    ended = False
    counted = scanner.counted
    while not (counted.has_content or counted.is_done or counted.error or ended):
        piece = await anext(stream.pieces, b"")
        ended = not piece
        first += scanner.feed(piece) if piece else scanner.finish()
    if counted.error and not counted.has_content:
        body = orjson.dumps({"error": counted.error})
        raise UpstreamFailed(200, body=body, was_run=counted.usage is not None)
    if not (counted.has_content or counted.is_done):
        raise UpstreamFailed(200, was_run=counted.usage is not None)
    return first, ended


async def next_piece(begun: Begun, ends_at: float) -> bytes | None:
    """Return the next bytes, ``b""`` at the end, ``None`` when interrupted.

    A long silence is a keep-alive, a longer one raises ``StreamBroke``.
    """
    loop = asyncio.get_running_loop()
    if begun.pending is None:
        begun.pending = asyncio.ensure_future(_read(begun.stream.pieces))
    patience = begun.deployment.idle_timeout
    if begun.scanner.counted.is_whole:
        patience = min(patience, AFTER_END_SECONDS)
    breaks_at = min(begun.heard_at + patience, ends_at)
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


def ask_of(work: Work) -> Ask:
    """Return what a provider is asked for a request."""
    return Ask(
        request_id=work.reservation.request_id,
        endpoint=work.call.endpoint,
        payload=work.call.payload,
        is_stream=work.call.is_stream,
        model=work.model.slug,
        created=int(work.occurred_at.timestamp()),
        max_tokens=work.most_out,
        audiences=("public", "members"),
        locale=work.caller.locale,
    )
