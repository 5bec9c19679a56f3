"""The body of a page's request, on its way in: how large and how slow it may be.

Django writes a body to the disk as it comes, however much that is, before anything of
ours is asked. So it is counted here, in front of Django, declared or not.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from core.reading import whole_number

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

# The largest that anybody means: a webhook of GitHub. No page takes a file.
MOST_BYTES = 25 * 1024 * 1024
# The largest at 4 Mbit/s; a form is here in one.
MOST_SECONDS = 60
_GONE = {"type": "http.disconnect"}


class IncomingBody:
    """Receives in the place of the server, and ends what is too large or too slow.

    The application is told that the caller went away, so it keeps nothing; ``refusal``
    is then the status to answer with. ``on_arrival`` is called once the body is whole,
    and refuses in the same way by returning a status.
    """

    def __init__(
        self, receive: Receive, *, declared: int, on_arrival: Callable[[], int]
    ) -> None:
        self.refusal = 413 if declared > MOST_BYTES else 0
        self._receive = receive
        self._on_arrival = on_arrival
        self._size = 0
        self._is_whole = False
        self._ends_at = asyncio.get_running_loop().time() + MOST_SECONDS

    async def receive(self) -> Message:
        """Return the next message, as an ASGI application asks for it."""
        if self.refusal:
            return _GONE
        if self._is_whole:
            # From here on the application only looks whether the caller left.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._ends_at):
                message = await self._receive()
        except TimeoutError:
            self.refusal = 408
            return _GONE
        self._size += len(message.get("body", b""))
        if self._size > MOST_BYTES:
            self.refusal = 413
        elif message["type"] == "http.request" and not message.get("more_body"):
            self._is_whole = True
            self.refusal = self._on_arrival()
        return _GONE if self.refusal else message


def declared_length(scope: Message) -> int:
    """Return how many bytes a body is said to have; 0 where nothing is said."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return whole_number(value.decode("latin-1")) or 0
    return 0
