"""The client of models' servers, against servers that keep to HTTP or do not."""

import asyncio
import gzip
import json
import random
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from inference.providers import lean_http
from inference.providers.lean_http import (
    BrokenAnswer,
    Connection,
    HTTPResponse,
    LeanHTTP,
    Unreachable,
    address_of,
)

T = TypeVar("T")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"
OTHER = b"content-length: 5\r\n\r\nother"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
chosen = ["uvloop"]


@pytest.fixture(autouse=True, params=list(LOOPS))
def _loop(request: pytest.FixtureRequest) -> None:
    """Have everything on the loop of the servers, and on Python's own."""
    chosen[0] = request.param


def on_loop(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=LOOPS[chosen[0]]) as runner:
        return runner.run(work)


async def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    return [(socket.AF_INET, "127.0.0.1" if host == "localhost" else host)]


class Server:
    """A server of one test: what it was asked, and who has left it."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        self.handler = handler
        self.tls = tls
        self.connections = 0
        self.port = 0
        self.everybody: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Server":
        self.was_left = asyncio.Event()
        # Room for as many as come at once: who finds none tries again after a second.
        self.server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self.tls, backlog=1024
        )
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in self.everybody:
            task.cancel()
        await asyncio.gather(*self.everybody, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.everybody.add(task)
        try:
            await self.handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.was_left.set()
        finally:
            writer.close()


async def asked(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the head and the body of the next request of a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head, await reader.readexactly(length)


def saying(*pieces: bytes) -> Handler:
    """Return what answers each request with these bytes, then closes."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asked(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    return answer


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say what was said, whole or in chunks, and stay."""
    while True:
        _, body = await asked(reader)
        if len(body) % 2:
            writer.write(OK + b"content-length: %d\r\n\r\n" % len(body) + body)
        else:
            middle = len(body) // 2
            writer.write(CHUNKED)
            for part in (body[:middle], body[middle:]):
                if part:
                    writer.write(b"%x\r\n" % len(part) + part + b"\r\n")
                    await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")
        await writer.drain()


async def post(client: LeanHTTP, server: Server, body: bytes = b"{}") -> HTTPResponse:
    return await client.request(
        "POST",
        address_of(f"http://127.0.0.1:{server.port}/v1/chat/completions"),
        {"content-type": "application/json"},
        body,
        connect_timeout=2,
    )


async def whole(response: HTTPResponse) -> bytes:
    parts = []
    while part := await response.read():
        parts.append(part)
    return b"".join(parts)


def told(handler: Handler) -> tuple[int, dict[str, str], bytes]:
    """Return what one request to such a server is answered with."""

    async def run() -> tuple[int, dict[str, str], bytes]:
        client = LeanHTTP(resolve)
        async with Server(handler) as server:
            try:
                response = await post(client, server)
                return response.status, response.headers, await whole(response)
            finally:
                client.close()

    return on_loop(run())


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([OK + b"content-length: 2\r\n\r\nok"], b"ok"),
        ([OK[:7], OK[7:] + b"content-le", b"ngth: 2\r\n", b"\r\n", b"o", b"k"], b"ok"),
        ([CHUNKED + b"2\r\nok\r\n3\r", b"\n, s\r\n0\r\n\r\n"], b"ok, s"),
        ([CHUNKED + b"2;a=b\r\nok\r\n0\r\nx-after: 1\r\n\r\n"], b"ok"),
        ([OK + b"\r\nuntil ", b"the end"], b"until the end"),
        ([b"HTTP/1.0 200 OK\r\n\r\nold"], b"old"),
        (
            [b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"content-length: 2\r\n\r\nok"],
            b"ok",
        ),
        ([b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + OK + b"\r\nok"], b"ok"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([OK + b"content-length: 0\r\n\r\n"], b""),
        ([OK + b"x-name: \xe4\xff\r\ncontent-length: 2\r\n\r\nok"], b"ok"),
    ],
)
def test_an_answer_is_read_however_it_arrives(pieces: list[bytes], body: bytes) -> None:
    _, headers, said = told(saying(*pieces))

    assert said == body
    assert "link" not in headers


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [OK + b"content-le"],
        [b"hello\r\n\r\n"],
        [b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nx"],
        [OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok"],
        [OK + b"content-length: -2\r\n\r\nok"],
        [OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"],
        [OK + b"content-encoding: br\r\ncontent-length: 2\r\n\r\nok"],
    ],
    ids=[
        *("nothing", "half a head", "no HTTP", "another protocol", "two lengths"),
        *("less than nothing", "two framings", "packed otherwise"),
    ],
)
def test_what_is_no_answer_is_none(pieces: list[bytes]) -> None:
    with pytest.raises(BrokenAnswer) as caught:
        told(saying(*pieces))

    # A fresh connection: the server has read the request, so it is not sent again.
    assert not caught.value.was_kept


def test_a_head_that_does_not_end_is_not_waited_for() -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asked(reader)
        writer.write(OK + b"x-long: " + b"a" * 2 * lean_http.MAX_HEAD)
        await reader.readexactly(1)

    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            with pytest.raises(BrokenAnswer, match="does not end"):
                await asyncio.wait_for(post(client, server), 5)

    on_loop(run())


@pytest.mark.parametrize(
    "pieces",
    [
        [OK + b"content-length: 20\r\n\r\nok"],
        [CHUNKED + b"2\r\nok\r\n"],
        [CHUNKED + b"2\r\nok\r\n5\r\nha"],
        [CHUNKED + b"2\r\nok\r\nzz\r\n"],
        [OK + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\nokok"],
        [OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"words" * 99)[:-9]],
    ],
    ids=[
        *("short", "no last chunk", "half a chunk", "no chunk", "not packed"),
        "half packed",
    ],
)
def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(
    pieces: list[bytes],
) -> None:
    with pytest.raises(BrokenAnswer):
        told(saying(*pieces))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_body_that_is_packed_unasked_is_unpacked(
    pack: Callable[[bytes], bytes],
) -> None:
    chance = random.Random(1)  # noqa: S311
    words = json.dumps([chance.random() for _ in range(9_000)]).encode()
    kind = b"gzip" if pack is gzip.compress else b"deflate"

    _, _, said = told(
        saying(OK + b"content-encoding: " + kind + b"\r\n\r\n", pack(words))
    )

    assert said == words


def test_a_body_that_is_packed_to_do_harm_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(lean_http.MAX_UNPACKED + 1))

    with pytest.raises(BrokenAnswer, match="far too much"):
        told(saying(OK + b"content-encoding: gzip\r\n\r\n", packed))


def test_of_two_lines_with_one_name_the_first_counts() -> None:
    two = b"x-a: one\r\nX-A: two\r\ncontent-length: 0\r\n\r\n"

    assert told(saying(OK + two))[1]["x-a"] == "one"


def test_a_redirect_and_odd_statuses_are_handed_on() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n"

    assert told(saying(moved))[0] == 302
    assert told(saying(b"HTTP/1.1 700 Odd\r\ncontent-length: 0\r\n\r\n"))[0] == 700


def test_a_request_says_what_it_should_and_nothing_more() -> None:
    heads: list[bytes] = []

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head, body = await asked(reader)
        heads.append(head + body)
        writer.write(OK + b"content-length: 0\r\n\r\n")

    told(answer)

    (said,) = heads
    lines = said.split(b"\r\n")
    assert lines[0] == b"POST /v1/chat/completions HTTP/1.1"
    assert lines[1].startswith(b"host: 127.0.0.1:")
    assert lines[2:] == [
        *(b"content-type: application/json", b"content-length: 2"),
        *(b"", b"{}"),
    ]


@pytest.mark.parametrize("value", ["a\r\nx-more: 1", "a\nb", "a\0", "ключ"])
def test_a_header_cannot_bring_another_one(value: str) -> None:
    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(echo) as server:
            with pytest.raises(Unreachable):
                await client.request(
                    "POST",
                    address_of(f"http://127.0.0.1:{server.port}/"),
                    {"authorization": value},
                    connect_timeout=2,
                )
            assert server.connections == 0

    on_loop(run())


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://models.example", "models.example", 80, "/"),
        ("https://models.example/v1/x?a=b c", "models.example", 443, "/v1/x?a=b%20c"),
        ("http://[::1]:8000/ü", "::1", 8000, "/%C3%BC"),
        ("http://münchen.example/a%2Fb", "xn--mnchen-3ya.example", 80, "/a%2Fb"),
    ],
)
def test_an_address_is_read(url: str, host: str, port: int, path: str) -> None:
    address = address_of(url)

    assert (address.host, address.port, address.path) == (host, port, path)


@pytest.mark.parametrize(
    "url",
    ["", "models.example", "ftp://x/", "http://", "http://x:99999/", "http://[::1"],
)
def test_what_is_no_address_leads_nowhere(url: str) -> None:
    with pytest.raises(Unreachable):
        address_of(url)


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def run() -> int:
        client = LeanHTTP(resolve)
        async with Server(echo) as server:
            for number in range(20):
                body = b"x" * number
                assert await whole(await post(client, server, body)) == body
            client.close()
            return server.connections

    assert on_loop(run()) == 1


@pytest.mark.parametrize(
    "last",
    [
        OK + b"connection: close\r\ncontent-length: 2\r\n\r\nok",
        OK + b"content-length: 2\r\n\r\nok" + OK,
        OK + b"content-length: 2\r\n\r\nok" + OK + OTHER,
    ],
    ids=["says so", "the beginning of another answer", "another answer"],
)
def test_a_connection_that_may_not_be_kept_is_not(last: bytes) -> None:
    """Else the second caller would be told what was meant for nobody."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asked(reader)
        writer.write(last)
        await asked(reader)
        writer.write((b"" if last.endswith(OK) else OK) + OTHER)
        await asked(reader)

    async def run() -> int:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            for _ in range(2):
                response = await post(client, server)
                assert await whole(response) == b"ok"
            client.close()
            return server.connections

    assert on_loop(run()) == 2


def test_bytes_that_come_while_nobody_asks_end_the_connection() -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asked(reader)
        writer.write(OK + b"content-length: 2\r\n\r\nok")
        await asyncio.sleep(0.05)
        writer.write(OK + OTHER)
        await asked(reader)
        writer.write(OK + b"content-length: 2\r\n\r\nok")

    async def run() -> int:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            assert await whole(await post(client, server)) == b"ok"
            await asyncio.sleep(0.2)
            assert await whole(await post(client, server)) == b"ok"
            client.close()
            return server.connections

    assert on_loop(run()) == 2


@pytest.mark.parametrize("how", ["at once", "when it is asked again"])
def test_a_kept_connection_that_the_server_closed_is_no_failure(how: str) -> None:
    requests = []

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asked(reader)
        requests.append(1)
        writer.write(OK + b"content-length: 2\r\n\r\nok")
        await writer.drain()
        if how == "when it is asked again":
            await reader.readexactly(1)

    async def run() -> int:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            for _ in range(2):
                assert await whole(await post(client, server)) == b"ok"
                await asyncio.sleep(0.05)
            client.close()
            return server.connections

    assert on_loop(run()) == 2
    assert len(requests) == 2


def test_a_kept_connection_that_breaks_inside_an_answer_is_not_asked_again() -> None:
    requests = []

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asked(reader)
        requests.append(1)
        writer.write(OK + b"content-length: 2\r\n\r\nok")
        await asked(reader)
        requests.append(1)
        writer.write(OK[:9])
        await writer.drain()

    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            assert await whole(await post(client, server)) == b"ok"
            with pytest.raises(BrokenAnswer):
                await post(client, server)
            client.close()

    on_loop(run())

    assert len(requests) == 2


@pytest.mark.parametrize("when", ["before the answer", "inside it", "closed by hand"])
def test_a_server_hears_at_once_that_its_caller_has_left(when: str) -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asked(reader)
        if when != "before the answer":
            writer.write(CHUNKED + b"2\r\nok\r\n")
        await reader.readexactly(1)

    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            if when == "closed by hand":
                response = await post(client, server)
                assert await response.read() == b"ok"
                response.close()
            else:
                with pytest.raises(TimeoutError):
                    await read_for(0.2, client, server)
            await asyncio.wait_for(server.was_left.wait(), 5)
            client.close()

    async def read_for(seconds: float, client: LeanHTTP, server: Server) -> None:
        async with asyncio.timeout(seconds):
            response = await post(client, server)
            try:
                await whole(response)
            finally:
                response.close()

    on_loop(run())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """Return every connection that is made."""
    connections: list[Connection] = []

    class Noted(Connection):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            connections.append(self)

    monkeypatch.setattr(lean_http, "Connection", Noted)
    return connections


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hear one request after another and say nothing."""
    while True:
        await asked(reader)


async def is_waiting(made: list[Connection]) -> Connection:
    while not made or made[0].head is None:  # noqa: ASYNC110 - it is soon
        await asyncio.sleep(0.01)
    return made[0]


def test_who_leaves_as_the_answer_comes_does_not_end_the_next_ones_connection(
    made: list[Connection],
) -> None:
    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(silent) as server:
            leaving = asyncio.create_task(post(client, server))
            connection = await is_waiting(made)
            # In one turn of the loop: the next one comes, the answer is whole, and who
            # asked for it leaves, who hears of that last.
            next_one = asyncio.create_task(post(client, server))
            connection.data_received(OK + b"content-length: 2\r\n\r\nok")
            leaving.cancel()
            await asyncio.sleep(0.05)

            assert leaving.cancelled()
            assert len(made) == 1
            connection.data_received(OK + OTHER)
            assert await whole(await next_one) == b"other"
            client.close()

    on_loop(run())


def test_an_answer_that_comes_as_its_caller_leaves_is_ended(
    made: list[Connection],
) -> None:
    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(silent) as server:
            leaving = asyncio.create_task(post(client, server))
            connection = await is_waiting(made)
            # The answer begins before who has left gets to say so.
            leaving.cancel()
            connection.data_received(CHUNKED + b"2\r\nok\r\n")

            await asyncio.wait_for(server.was_left.wait(), 5)
            assert connection.transport is None
            client.close()

    on_loop(run())


def test_an_answer_that_had_begun_as_its_caller_left_is_ended(
    made: list[Connection],
) -> None:
    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(silent) as server:
            leaving = asyncio.create_task(post(client, server))
            connection = await is_waiting(made)
            connection.data_received(CHUNKED + b"2\r\nok\r\n")
            leaving.cancel()

            await asyncio.wait_for(server.was_left.wait(), 5)
            assert connection.transport is None
            client.close()

    on_loop(run())


def test_a_piece_is_there_when_it_was_sent() -> None:
    """The first token must not wait for the last."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asked(reader)
        writer.write(CHUNKED)
        for number in range(3):
            writer.write(b"3\r\nno%d\r\n" % number)
            await reader.readexactly(1)
        writer.write(b"0\r\n\r\n")

    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            response = await post(client, server)
            async with asyncio.timeout(5):
                for number in range(3):
                    # Only who has the piece asks for the next.
                    assert await response.read() == b"no%d" % number
                    assert response.connection is not None
                    assert response.connection.transport is not None
                    response.connection.transport.write(b".")
                assert await response.read() == b""
            client.close()

    on_loop(run())


def test_a_slow_reader_slows_the_server_down() -> None:
    sent = 0
    size = 64_000

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal sent
        await asked(reader)
        writer.write(OK + b"content-length: %d\r\n\r\n" % (size * 1_000))
        for _ in range(1_000):
            writer.write(bytes(size))
            await writer.drain()
            sent += size

    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            response = await post(client, server)
            last = -1
            async with asyncio.timeout(20):
                while sent != last:
                    last = sent
                    await asyncio.sleep(0.2)
            # What the kernel holds for both sides is some megabytes.
            assert response.waiting < 2 * lean_http.HIGH_WATER
            assert sent < size * 500
            assert len(await whole(response)) == size * 1_000
            # A connection that was paused serves the next.
            client.close()

    on_loop(run())


def test_one_that_is_not_accepted_in_time_is_unreachable() -> None:
    async def run() -> None:
        client = LeanHTTP(resolve)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
            with pytest.raises(Unreachable):
                await client.request(
                    "GET",
                    address_of(f"http://127.0.0.1:{port}/"),
                    {},
                    connect_timeout=2,
                )

    on_loop(run())


@pytest.mark.parametrize(("tcp", "connect"), [(0.2, 30), (30, 0.2)])
def test_a_handshake_has_its_time_and_all_before_the_answer_another(
    tcp: float, connect: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lean_http, "TCP_SECONDS", tcp)

    async def run() -> None:
        client = LeanHTTP(resolve)
        # Its queue is full, so whoever comes next is left standing at the door.
        with ExitStack() as stack:
            door = stack.enter_context(
                socket.create_server(("127.0.0.1", 0), backlog=0)
            )
            port = door.getsockname()[1]
            for _ in range(3):
                guest = stack.enter_context(socket.socket())
                guest.setblocking(False)
                guest.connect_ex(("127.0.0.1", port))
            address = address_of(f"http://127.0.0.1:{port}/")
            with pytest.raises(Unreachable, match="in time"):
                await asyncio.wait_for(
                    client.request("GET", address, {}, connect_timeout=connect), 10
                )

    on_loop(run())


def test_the_next_address_is_tried_where_the_first_says_nothing() -> None:
    async def two(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
        # Nobody listens at the first; at ``::1`` machines without IPv6 have none.
        return [
            (socket.AF_INET6, "::1"),
            (socket.AF_INET, "127.0.0.2"),
            (socket.AF_INET, "127.0.0.1"),
        ]

    async def run() -> bytes:
        client = LeanHTTP(two)
        async with Server(echo) as server:
            response = await client.request(
                "POST",
                address_of(f"http://models.example:{server.port}/"),
                {},
                b"hello",
                connect_timeout=2,
            )
            said = await whole(response)
            client.close()
            return said

    assert on_loop(run()) == b"hello"


def test_what_is_idle_is_closed_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_http, "IDLE_SECONDS", 0.1)

    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(echo) as server:
            await whole(await post(client, server))
            await asyncio.wait_for(server.was_left.wait(), 5)
            assert client._idle == {}
            client.close()

    on_loop(run())


def certified(name: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return what a server of that name shows, and the file of who vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / "shown.pem", folder / "key.pem"
    shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, secret)
    return context, shown


def test_certificates_are_checked_against_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, vouched = certified("localhost", tmp_path)

    async def lead(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
        return [(socket.AF_INET, "127.0.0.1")]

    async def say(name: str) -> bytes:
        client = LeanHTTP(lead)
        async with Server(echo, context) as server:
            try:
                response = await client.request(
                    "POST",
                    address_of(f"https://{name}:{server.port}/"),
                    {},
                    b"hello",
                    connect_timeout=5,
                )
                return await whole(response)
            finally:
                client.close()

    with pytest.raises(Unreachable):
        on_loop(say("localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(vouched))
    assert on_loop(say("localhost")) == b"hello"
    with pytest.raises(Unreachable):
        on_loop(say("models.example"))


def exchange(count: int, callers: int, seed: int) -> dict[str, int]:
    """Have many callers say things of their own and hear only them, ends included.

    Some leave before the answer, some inside it; the server breaks some off.
    """
    chance = random.Random(seed)  # noqa: S311
    ends: dict[str, int] = {"whole": 0, "left": 0, "broken": 0}

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            _, body = await asked(reader)
            how = chance.random()
            if how < 0.02:
                return
            if how < 0.04:
                writer.write(OK + b"content-length: %d\r\n\r\n" % len(body) + body[:5])
                return
            if how < 0.2:
                await asyncio.sleep(chance.random() / 100)
            if how < 0.6:
                writer.write(OK + b"content-length: %d\r\n\r\n" % len(body) + body)
            else:
                writer.write(CHUNKED + b"%x\r\n" % len(body) + body + b"\r\n")
                await asyncio.sleep(0)
                writer.write(b"0\r\n\r\n")
            await writer.drain()

    async def call(client: LeanHTTP, server: Server, number: int) -> None:
        body = b"%d " % number * chance.randint(1, 300)
        response = None
        try:
            patience = 0.005 if chance.random() < 0.1 else 10
            async with asyncio.timeout(patience):
                response = await post(client, server, body)
                assert await whole(response) == body
                ends["whole"] += 1
        except TimeoutError:
            ends["left"] += 1
        except BrokenAnswer:
            ends["broken"] += 1
        finally:
            if response is not None:
                response.close()

    async def run() -> None:
        client = LeanHTTP(resolve)
        async with Server(answer) as server:
            numbers = iter(range(count))

            async def caller() -> None:
                for number in numbers:
                    await call(client, server, number)

            await asyncio.gather(*(caller() for _ in range(callers)))
            client.close()

    on_loop(run())
    return ends


def test_nobody_hears_what_was_said_to_another() -> None:
    ends = exchange(3_000, 50, seed=1)

    assert sum(ends.values()) == 3_000
    # Each way to end was there.
    assert min(ends.values()) > 20


@pytest.mark.faults
def test_nobody_hears_what_was_said_to_another_in_a_hundred_thousand_exchanges() -> (
    None
):
    ends = exchange(100_000, 200, seed=2)

    assert sum(ends.values()) == 100_000
