"""Taking in a request's body without anybody else noticing.

Pages, health checks and every stream share this loop with callers who send 20 MB of
brackets. So a body is counted against its organisation before it is read, measured
while it arrives, and given to the parser only once what that costs is known.
"""

import asyncio
import time
from typing import Protocol

from core.documents import PIECE, BadDocument, Bounds, Measure
from inference.protocol import errors, personal
from inference.protocol.dialects import Dialect
from inference.protocol.requests import NOTHING_BEFORE, Before, ModelRequest

# Pictures travel as base64 in the body: four large ones and a long conversation.
MAX_BODY = 20_000_000
BODY_SECONDS = 30  # the largest at 5 Mbit/s
# Three of the largest at once. This process is protected, so this process counts.
BURST_BYTES = 60_000_000
# A picture of 1 MB four times a second.
BYTES_PER_SECOND = 4_000_000
# Longer ones take more than a millisecond to parse: one after the other, in a thread.
LONG_BODY = 500_000
# Searching for personal data takes thirty times as long as parsing does.
LONG_SEARCH = 10_000
MOST_ORGANISATIONS = 10_000  # a few megabytes
BOUNDS = Bounds()


class Incoming(Protocol):
    """A request whose body is still to come."""

    @property
    def declared_length(self) -> int: ...

    def require_json(self) -> None: ...

    async def receive_piece(self) -> tuple[bytes, bool]: ...


class BodyReader:
    """Reads and parses the bodies of one process."""

    def __init__(self) -> None:
        # Organisation → (bytes it may still send, as of when).
        self._left: dict[int, tuple[float, float]] = {}
        self._parsing = asyncio.Lock()

    async def read(self, request: Incoming, organisation_id: int) -> bytes:
        """Return the whole body, measured. Raises ``APIError``.

        400, 408, 413, 415, or 429 where one organisation sends more than it may.
        """
        request.require_json()
        declared = request.declared_length
        if declared > MAX_BODY:
            raise errors.too_large(MAX_BODY)
        self._charge(organisation_id, declared)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._read(request, organisation_id, declared)
        except TimeoutError as error:
            raise errors.body_timeout() from error
        except BadDocument as error:
            raise errors.bad_request(str(error)) from error

    async def parse(
        self,
        dialect: Dialect,
        body: bytes,
        request_id: str,
        before: Before = NOTHING_BEFORE,
    ) -> ModelRequest:
        """Return what a body asks for. Raises ``APIError``."""
        if len(body) <= LONG_BODY:
            return dialect.read(body, request_id, before)
        async with self._parsing:
            # No thread runs beside the parser, but others run between its steps.
            return await asyncio.to_thread(dialect.read, body, request_id, before)

    async def hide(
        self, body: bytes, kinds: frozenset[str]
    ) -> tuple[bytes, dict[str, int]]:
        """Return a body without personal data, and how much of each kind it had."""
        if len(body) <= LONG_SEARCH:
            return personal.hide(body, kinds)
        async with self._parsing:
            return await asyncio.to_thread(personal.hide, body, kinds)

    async def _read(
        self, request: Incoming, organisation_id: int, charged: int
    ) -> bytes:
        measure = Measure(BOUNDS)
        parts: list[bytes] = []
        size = 0
        while True:
            piece, has_more = await request.receive_piece()
            parts.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                raise errors.too_large(MAX_BODY)
            if size > charged:
                self._charge(organisation_id, size - charged)
                charged = size
            for start in range(0, len(piece), PIECE):
                if start:
                    await asyncio.sleep(0)
                measure.feed(piece[start : start + PIECE])
            if not has_more:
                return parts[0] if len(parts) == 1 else b"".join(parts)
            if size >= PIECE:
                # What has arrived already is handed over without a pause.
                await asyncio.sleep(0)

    def _charge(self, organisation_id: int, size: int) -> None:
        now = time.monotonic()
        left, since = self._left.get(organisation_id, (BURST_BYTES, now))
        left = min(BURST_BYTES, left + (now - since) * BYTES_PER_SECOND)
        if size > left:
            raise errors.too_many_bytes((size - left) / BYTES_PER_SECOND)
        if len(self._left) >= MOST_ORGANISATIONS:
            # Forgetting is generous, and rare: nobody sends from so many at once.
            self._left.clear()
        self._left[organisation_id] = (left - size, now)
