"""Writing down what calls say, beside the calls.

It is done after the caller has the answer, many calls in a commit. What cannot be kept,
since there is too much of it or the database is away for long, is left out and counted:
a call is never slower nor refused for it.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections
from prometheus_client import Counter

from inference.transcripts import services
from inference.transcripts.services import Taken

logger = logging.getLogger(__name__)
# Bytes of each side. A long conversation; pictures and books are cut.
MOST_OF_A_SIDE = 1_000_000
# Bytes that may wait: some hundred such calls, or all of a busy minute's usual ones.
MOST_WAITING = 64_000_000
WINDOW_SECONDS = 0.25  # nobody waits for it
MAX_BATCH = 100  # rows, each encrypted in some milliseconds
AWAY_SECONDS = 1.0  # until a database that was away is asked again
LOST = Counter(
    "doorstone_transcripts_lost", "Calls whose transcript could not be kept."
)


@dataclass(slots=True)
class TranscriptDraft:
    """A transcript in the making. One of a call that is not admitted is never kept."""

    request_id: str
    organisation_id: int
    request: bytes
    is_request_cut: bool
    answer: bytearray = field(default_factory=bytearray)
    is_answer_cut: bool = False
    is_admitted: bool = False

    def add(self, piece: bytes) -> None:
        """Take a piece of what is sent to the caller."""
        room = MOST_OF_A_SIDE - len(self.answer)
        self.answer += piece[:room]
        self.is_answer_cut |= len(piece) > room

    @property
    def size(self) -> int:
        return len(self.request) + len(self.answer)


def begin(request_id: str, organisation_id: int, body: bytes) -> TranscriptDraft:
    """Return what is to be filled with the answer to a request."""
    return TranscriptDraft(
        request_id,
        organisation_id,
        body[:MOST_OF_A_SIDE],
        is_request_cut=len(body) > MOST_OF_A_SIDE,
    )


class Recorder:
    """Keeps the transcripts of one process."""

    def __init__(self) -> None:
        self.waiting: deque[TranscriptDraft] = deque()
        self.waiting_bytes = 0
        self.has_work = asyncio.Event()
        self.is_idle = asyncio.Event()
        self.is_idle.set()

    def add(self, draft: TranscriptDraft) -> None:
        """Have a transcript kept soon, once the call has ended."""
        if self.waiting_bytes + draft.size > MOST_WAITING:
            LOST.inc()
            return
        self.waiting.append(draft)
        self.waiting_bytes += draft.size
        self.is_idle.clear()
        self.has_work.set()

    async def keep_forever(self) -> None:
        """Write down what is waiting, a window at a time."""
        while True:
            await self.has_work.wait()
            await asyncio.sleep(WINDOW_SECONDS)
            batch = [
                self.waiting.popleft() for _ in range(min(len(self.waiting), MAX_BATCH))
            ]
            taken = [_taken(draft) for draft in batch]
            try:
                await sync_to_async(_keep, thread_sensitive=False)(taken)
            except DatabaseError:
                logger.exception("transcripts.not_kept", extra={"calls": len(batch)})
                self.waiting.extendleft(reversed(batch))
                await asyncio.sleep(AWAY_SECONDS)
                continue
            self.waiting_bytes -= sum(draft.size for draft in batch)
            if not self.waiting:
                self.has_work.clear()
                self.is_idle.set()

    async def close(self) -> None:
        """Wait until all is written down, as long as a shutdown may take."""
        try:
            await asyncio.wait_for(self.is_idle.wait(), 5)  # systemd waits for 30
        except TimeoutError:
            logger.exception("transcripts.left", extra={"calls": len(self.waiting)})


def _keep(taken: list[Taken]) -> None:
    """Keep transcripts in a thread, whose connection must not grow old in it."""
    close_old_connections()
    try:
        services.keep(taken)
    finally:
        close_old_connections()


def _taken(draft: TranscriptDraft) -> Taken:
    return Taken(
        draft.request_id,
        draft.organisation_id,
        draft.request,
        bytes(draft.answer),
        is_request_cut=draft.is_request_cut,
        is_answer_cut=draft.is_answer_cut,
    )
