"""An HTTP/1.1 client for one event loop, for models' servers.

The general client costs more than half of a call's processor time. This one knows only
what a provider needs: a body sent whole, an answer read piece by piece, connections
that are kept. The bytes are read by llhttp, in C. No redirect is followed, no cookie
kept, no proxy asked.

An answer and its connection belong together until the answer has ended, then neither
knows the other: what one caller is told can never become another's. Whatever ends in
another way than well (an error, a time-out, a caller who leaves) ends the connection.
"""

import asyncio
import socket
import ssl
import zlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast
from urllib.parse import quote, urlsplit

import aiohappyeyeballs
import httptools

# A server that is there accepts within one round trip; a name and TLS take some more,
# which is the caller's own (``connect_timeout``).
TCP_SECONDS = 1.0
# nginx closes an idle connection after 75 s: ours go before, so none breaks in use.
IDLE_SECONDS = 30.0
# Bytes. Servers refuse heads of 8 or 16 KB themselves; what sends more is no server.
MAX_HEAD = 64_000
# Bytes that wait for a slow reader before the server is no longer read.
HIGH_WATER = 256_000
# Bytes that one piece may become where it is packed: sixty times what is read at once.
# Words pack by three to twenty; what packs by a thousand is meant to do harm.
MAX_UNPACKED = 16_000_000
# The second address of a name is tried meanwhile where the first one says nothing
# (RFC 8305 recommends a quarter of a second).
NEXT_ADDRESS_SECONDS = 0.25

# Resolves a name: ``(family, address)`` for each address that may be connected to.
Resolve = Callable[[str, int], Awaitable[list[tuple[socket.AddressFamily, str]]]]


class Unreachable(OSError):
    """No connection was made, so nothing was asked."""


class BrokenAnswer(OSError):
    """The connection ended, or the answer was none, before the answer had ended.

    ``was_kept`` tells that it had served before and broke before a byte of the answer:
    the server had just closed it, and has probably not read the request.
    """

    def __init__(self, why: str, *, was_kept: bool = False) -> None:
        super().__init__(why)
        self.was_kept = was_kept


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes: an origin and what is asked of it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


# What RFC 3986 lets stand in a path; what is quoted already stays so.
_IN_PATHS = "/%:@!$&'()*+,;="


@lru_cache(maxsize=1_000)  # as many as staff offer deployments, and their endpoints
def address_of(url: str) -> Address:
    """Return where a URL leads. Raises ``Unreachable`` for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:
        raise Unreachable(f"No address: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise Unreachable("No address of a server.")
    path = quote(parts.path or "/", safe=_IN_PATHS)
    query = f"?{quote(parts.query, safe=_IN_PATHS + '?')}" if parts.query else ""
    return Address(parts.scheme, host, port, path + query)


@dataclass(eq=False, slots=True)
class HTTPResponse:
    """An answer that has begun: its head, and its body piece by piece."""

    status: int
    headers: dict[str, str]
    connection: "Connection | None"
    pieces: deque[bytes] = field(default_factory=deque)
    waiting: int = 0
    is_begun: bool = False
    error: BrokenAnswer | None = None
    reader: "asyncio.Future[None] | None" = None
    unpacker: "zlib._Decompress | None" = None

    @property
    def is_whole(self) -> bool:
        """Whether a packed body came to its end; of others the connection knows."""
        return self.unpacker is None or self.unpacker.eof or not self.is_begun

    async def read(self) -> bytes:
        """Return the next piece of the body, ``b""`` at its end.

        Raises ``BrokenAnswer``.
        """
        while not self.pieces:
            if self.error is not None:
                raise self.error
            if self.connection is None:
                return b""
            self.reader = self.connection.loop.create_future()
            try:
                await self.reader
            finally:
                self.reader = None
        piece = self.pieces.popleft()
        self.waiting -= len(piece)
        if self.connection is not None and self.waiting < HIGH_WATER:
            self.connection.resume()
        return piece

    def close(self) -> None:
        """End an answer that is not wanted any more, and with it its connection."""
        if self.connection is not None:
            self.connection.fail("Closed by its reader.")

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body.

        Raises ``BrokenAnswer`` for one that is not packed as it says.
        """
        self.is_begun = True
        if self.unpacker is not None:
            try:
                piece = self.unpacker.decompress(piece, MAX_UNPACKED)
            except zlib.error as error:
                raise BrokenAnswer(str(error)) from error
            if self.unpacker.unconsumed_tail:
                raise BrokenAnswer("Unpacked it is far too much.")
        if piece:
            self.pieces.append(piece)
            self.waiting += len(piece)
            self.wake()

    def end(self, error: BrokenAnswer | None = None) -> None:
        """Let go of the connection: the answer has ended, or never will."""
        self.connection = None
        self.error = error
        self.wake()

    def wake(self) -> None:
        if self.reader is not None and not self.reader.done():
            self.reader.set_result(None)


class Connection(asyncio.Protocol):
    """A connection to one origin, for one exchange at a time.

    The methods with ``on_`` are llhttp's, called while bytes are fed to it.
    """

    def __init__(self, pool: "LeanHTTP", origin: tuple[str, str, int]) -> None:
        self.loop = asyncio.get_running_loop()
        self.pool = pool
        self.origin = origin
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.head: asyncio.Future[HTTPResponse] | None = None
        self.response: HTTPResponse | None = None
        self.headers: dict[str, str] = {}
        self.head_bytes = 0
        self.served = 0
        self.idle_since = 0.0
        self.is_paused = False
        self.ends_with_connection = False

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.head is None and self.response is None:
            # Nobody asked; whose answer this is cannot be known.
            self.fail("Bytes that belong to no answer.")
            return
        if self.response is None:
            self.head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # What a callback raised is the cause.
            self.fail(str(error.__context__ or error))
            return
        if self.response is None and self.head_bytes > MAX_HEAD and self.head:
            self.fail("The head of the answer does not end.")

    def eof_received(self) -> None:
        if self.response is not None and self.ends_with_connection:
            self._complete(is_kept=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.fail(str(exc or "The server closed the connection."))

    # What llhttp says.

    def on_message_begin(self) -> None:
        if self.head is None:
            raise BrokenAnswer("A second answer to one request.")

    def on_header(self, name: bytes, value: bytes) -> None:
        # Of two lines with one name the first counts.
        self.headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        # "Continue", and what else comes before an answer.
        if status < 200:
            self.headers = {}
            return
        head, self.head = self.head, None
        if head is None or head.done():
            raise BrokenAnswer("Its caller left.")
        headers, self.headers = self.headers, {}
        self.ends_with_connection = (
            "content-length" not in headers
            and "chunked" not in headers.get("transfer-encoding", "").lower()
        )
        try:
            response = HTTPResponse(status, headers, self, unpacker=_unpacker(headers))
        except BrokenAnswer as error:
            head.set_exception(error)
            raise
        self.response = response
        head.set_result(response)

    def on_body(self, piece: bytes) -> None:
        response = self.response
        if response is None:
            return
        response.feed(piece)
        if response.waiting >= HIGH_WATER and self.transport is not None:
            self.is_paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        if self.response is not None:
            self._complete(is_kept=self.parser.should_keep_alive())

    # What those who use it ask of it.

    async def ask(self, request: bytes) -> HTTPResponse:
        """Send a request and return its answer once that has begun."""
        if self.transport is None:
            raise BrokenAnswer("The connection had ended.", was_kept=True)
        head: asyncio.Future[HTTPResponse] = self.loop.create_future()
        self.head = head
        self.head_bytes = 0
        self.transport.write(request)
        try:
            return await head
        except asyncio.CancelledError:
            # The answer may have come in the same moment, even ended: then the
            # connection may be another's by now, and is none of our business.
            if self.head is head:
                self.fail("Its caller left.")
            elif not head.cancelled() and head.exception() is None:
                head.result().close()
            raise

    def resume(self) -> None:
        if self.is_paused and self.transport is not None:
            self.is_paused = False
            self.transport.resume_reading()

    def fail(self, why: str) -> None:
        """End the connection, and with it the exchange that is under way."""
        head, response = self.head, self.response
        self.head = self.response = None
        if head is not None and not head.done():
            was_kept = self.served > 0 and not self.head_bytes
            head.set_exception(BrokenAnswer(why, was_kept=was_kept))
        if response is not None:
            response.end(BrokenAnswer(why))
        if self.transport is not None:
            self.transport.abort()
            self.transport = None

    def _complete(self, *, is_kept: bool) -> None:
        response, self.response = self.response, None
        self.served += 1
        self.resume()
        if is_kept and self.transport is not None and not self.transport.is_closing():
            self.pool.keep(self)
        elif self.transport is not None:
            self.transport.abort()
            self.transport = None
        if response is not None:
            response.end(
                None if response.is_whole else BrokenAnswer("It broke off, packed.")
            )


class LeanHTTP:
    """Connections to many origins, each kept for the next request.

    ``resolve`` says which addresses of a name may be connected to; it raises
    ``OSError`` where none may.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._idle: dict[tuple[str, str, int], deque[Connection]] = defaultdict(deque)
        self._sweeper: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None

    async def request(
        self,
        method: str,
        address: Address,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        connect_timeout: float,
        on_unsent: Callable[[], object] = lambda: None,
    ) -> HTTPResponse:
        """Return the answer to a request once its head is there.

        ``connect_timeout`` is in seconds, for the name, the connection and TLS. How
        long to wait for the answer is the caller's affair. ``on_unsent`` is called when
        who waits leaves before a byte was sent. Raises ``Unreachable`` and
        ``BrokenAnswer``. A kept connection that the server had just closed is no
        failure: the request is sent once more.
        """
        request = _head_of(method, address, headers, len(body)) + body
        connection = self._kept(address.origin)
        if connection is not None:
            try:
                return await connection.ask(request)
            except BrokenAnswer as error:
                if not error.was_kept:
                    raise
        try:
            connection = await self._connect(address, connect_timeout)
        except asyncio.CancelledError:
            on_unsent()
            raise
        return await connection.ask(request)

    def keep(self, connection: Connection) -> None:
        """Keep a connection whose exchange has ended well."""
        connection.idle_since = connection.loop.time()
        self._idle[connection.origin].append(connection)
        if self._sweeper is None:
            self._sweeper = connection.loop.call_later(IDLE_SECONDS, self._sweep)

    def close(self) -> None:
        """Close what is kept."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for kept in self._idle.values():
            for connection in kept:
                connection.fail("The client is closed.")
        self._idle.clear()

    def _kept(self, origin: tuple[str, str, int]) -> Connection | None:
        """Return the connection that was used last: the least likely to be closed."""
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            transport = connection.transport
            if transport is not None and not transport.is_closing():
                return connection
        return None

    def _sweep(self) -> None:
        """End what was idle for too long; the oldest are at the left."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - IDLE_SECONDS
        for origin, kept in list(self._idle.items()):
            while kept and (kept[0].idle_since <= oldest or kept[0].transport is None):
                kept.popleft().fail("Idle for too long.")
            if not kept:
                del self._idle[origin]
        self._sweeper = (
            loop.call_later(IDLE_SECONDS, self._sweep) if self._idle else None
        )

    async def _connect(self, address: Address, seconds: float) -> Connection:
        """Return a new connection. Raises ``Unreachable``."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                tls = await self._context() if address.scheme == "https" else None
                found = await self._resolve(address.host, address.port)
                async with asyncio.timeout(min(TCP_SECONDS, seconds)):
                    sock = await _connected(found, address.port)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _, connection = await loop.create_connection(
                    lambda: Connection(self, address.origin),
                    sock=sock,
                    ssl=tls,
                    server_hostname=address.host if tls is not None else None,
                )
        except TimeoutError as error:
            raise Unreachable("Not connected in time.") from error
        except (OSError, ValueError) as error:
            # The last one is a name that no host can have.
            raise Unreachable(str(error)) from error
        return connection

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            # Certificates are read from files, for some 50 ms.
            context = await asyncio.to_thread(ssl.create_default_context)
            context.set_alpn_protocols(["http/1.1"])
            self._tls = context
        return self._tls


async def _connected(
    found: list[tuple[socket.AddressFamily, str]], port: int
) -> socket.socket:
    """Return a socket that is connected to the first address that answers."""
    infos = [
        (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
        for family, address in found
    ]
    return await aiohappyeyeballs.start_connection(
        infos, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, interleave=1
    )


def _head_of(
    method: str, address: Address, headers: Mapping[str, str], length: int
) -> bytes:
    """Return the head of a request. Raises ``Unreachable`` for what cannot be sent."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    is_usual = address.port == (443 if address.scheme == "https" else 80)
    lines = [
        f"{method} {address.path} HTTP/1.1",
        f"host: {host}" if is_usual else f"host: {host}:{address.port}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if length or method == "POST":
        lines.append(f"content-length: {length}")
    text = "\r\n".join(lines)
    with suppress(UnicodeEncodeError):
        head = text.encode("latin-1")
        # Each line ends where it should: none of them brings an end of its own.
        if head.count(b"\n") == len(lines) - 1 and b"\0" not in head:
            return head + b"\r\n\r\n"
    raise Unreachable("A header that cannot be sent.")


def _unpacker(headers: Mapping[str, str]) -> "zlib._Decompress | None":
    """Return what unpacks a body that is packed although nobody asked for it."""
    packed = headers.get("content-encoding", "identity").strip().lower()
    if packed == "identity":
        return None
    if packed in {"gzip", "x-gzip", "deflate"}:
        # Both are told apart by their first bytes.
        return zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)
    raise BrokenAnswer(f"Nobody asked for a body packed as {packed}.")
