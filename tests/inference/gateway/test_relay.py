"""A stream whose upstream says nothing for a while."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from inference.catalog.models import Deployment
from inference.gateway import relay as relays
from inference.gateway.relay import Relay
from inference.providers.base import Stream, StreamBroke
from tests.inference.gateway.exchanges import admitted


def test_a_silent_upstream_gives_keep_alives_and_then_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relays, "KEEP_ALIVE_SECONDS", 0.2)

    async def silent() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(60)

    async def read() -> list[bytes | None]:
        loop = asyncio.get_running_loop()
        deployment = Deployment(pk=1, idle_timeout=1.5)
        relay = Relay(admitted(), deployment, Stream(silent()))
        seen = []

        async def collect() -> None:
            while True:
                seen.append(await relay.next_piece(loop.time() + 60))

        with pytest.raises(StreamBroke):
            await collect()
        relay.abandon()
        return seen

    seen = asyncio.run(read())

    assert seen[0] == b"one"
    assert set(seen[1:]) == {b": keep-alive\n\n"}
    assert 3 <= len(seen[1:]) <= 8
