"""A way to a server that can be shut for a while, for outages of shared servers."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Self

from tests.fakes.servers import free_port


class Doorway:
    """Listens on a loopback port and passes everything on to a Unix socket.

    Shut, it cuts what is open and refuses what comes.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.port = free_port()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.server: asyncio.Server | None = None
        self.passing: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self.thread.start()
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.shut()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def open(self) -> None:
        self._run(self._open())

    def shut(self) -> None:
        self._run(self._shut())

    def _run(self, coroutine: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _open(self) -> None:
        self.server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def _shut(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None
        passing = list(self.passing)
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.passing.add(task)
        there, back = await asyncio.open_unix_connection(str(self.target))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, back))
                group.create_task(_copy(there, writer))
        except (OSError, BaseExceptionGroup):
            pass
        finally:
            for end in (writer, back):
                end.transport.abort()
            self.passing.discard(task)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
    with contextlib.suppress(OSError):
        target.close()
    # The other direction has nobody to talk to any more.
    raise ConnectionResetError
