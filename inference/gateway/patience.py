"""Keeping a caller's connection open while no model has spoken yet.

Proxies cut what is silent for a minute, and a model may think for longer. So a stream
that waits is begun without a word: comments follow, which no client takes for an event.
From then on a failure is told as an event, since the status has been sent.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from inference.gateway.exchange import Exchange
from inference.gateway.relay import KEEP_ALIVE_SECONDS, SILENCE
from inference.gateway.request import Request


@asynccontextmanager
async def kept_open(
    request: Request, exchange: Exchange, *, after: float
) -> AsyncIterator[None]:
    """Begin the stream if the block takes longer than ``after`` seconds; 0 never does.

    What is being written when the block ends is written to its end.
    """
    has_ended = asyncio.Event()
    writing: list[asyncio.Task[None]] = []

    def start() -> None:
        writing.append(
            asyncio.ensure_future(_write_comments(request, exchange, has_ended))
        )

    timer = asyncio.get_running_loop().call_later(after, start) if after else None
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()
        has_ended.set()
        for task in writing:
            await task


async def _write_comments(
    request: Request, exchange: Exchange, has_ended: asyncio.Event
) -> None:
    try:
        await request.start_stream(exchange.headers)
        while not has_ended.is_set():
            await request.write(SILENCE)
            try:
                await asyncio.wait_for(has_ended.wait(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                continue
    except OSError:
        # The caller has left, and the watch on the connection knows.
        return
