"""Names of models' servers, resolved once: what was looked at is connected to."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from inference.catalog.addresses import check_address


class CheckedResolver(AbstractResolver):
    """Resolves names, and gives out only what may be connected to."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises ``AddressDenied``.

        One that may not be used denies all: the next look would bring it first.
        """
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            check_address(each["host"])
        return found

    async def close(self) -> None:
        await self._resolver.close()
