"""Names of models' servers, resolved once: what was looked at is connected to."""

import asyncio
import ipaddress
import socket

from inference.catalog.addresses import check_address

Found = list[tuple[socket.AddressFamily, str]]

# Connections are kept, so names are seldom asked for; a server that moves is found
# within this time, and sixty calls at once ask for its name once.
REMEMBERED_SECONDS = 10.0


class CheckedResolver:
    """Resolves names, and gives out only what may be connected to."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], tuple[float, asyncio.Task[Found]]] = {}

    async def resolve(self, host: str, port: int) -> Found:
        """Return the addresses of a name. Raises ``AddressDenied`` and ``OSError``.

        One that may not be used denies all: the next look would bring it first.
        """
        if (literal := _literal(host)) is not None:
            found = [literal]
        else:
            # One who leaves meanwhile leaves alone; the others still wait for it.
            found = await asyncio.shield(self._look_up(host, port))
        for _, address in found:
            check_address(address)
        return found

    def _look_up(self, host: str, port: int) -> "asyncio.Task[Found]":
        now = asyncio.get_running_loop().time()
        until, task = self._asked.get((host, port), (0.0, None))
        if task is None or until < now:
            task = asyncio.create_task(_found(host, port))
            self._asked[host, port] = (now + REMEMBERED_SECONDS, task)
            task.add_done_callback(lambda done: self._forget_failure(host, port, done))
        return task

    def _forget_failure(
        self, host: str, port: int, done: "asyncio.Task[Found]"
    ) -> None:
        """Let a name be asked for again at once where that failed."""
        if done.cancelled() or done.exception() is not None:
            self._asked.pop((host, port), None)


async def _found(host: str, port: int) -> Found:
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [(family, str(address[0])) for family, _, _, _, address in infos]


def _literal(host: str) -> tuple[socket.AddressFamily, str] | None:
    """Return a host that is an address already, with its family."""
    try:
        version = ipaddress.ip_address(host.partition("%")[0]).version
    except ValueError:
        return None
    return (socket.AF_INET if version == 4 else socket.AF_INET6), host
