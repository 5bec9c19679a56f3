"""Bodies that are dear to parse, and the loop that everybody else lives on."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from core.documents import PIECE
from inference.gateway.request import Message, Receive, Request
from inference.protocol import bodies, personal
from inference.protocol.bodies import BodyReader
from inference.protocol.errors import APIError

JSON = [(b"content-type", b"application/json")]
HEAD = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"x":'
MEGABYTES = 20_000_000 - len(HEAD) - 1

HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty lists": lambda: b"[" + b"[]," * 1_600_000 + b"[]]",
    "nesting": lambda: b"[" * MEGABYTES,
    "fields": lambda: b"{%s}" % b",".join(b'"k%d":1' % n for n in range(1_000_000)),
    "numbers": lambda: b"[" + b"1.5," * (MEGABYTES // 4 - 1) + b"1]",
    "texts": lambda: b"[" + b'"",' * (MEGABYTES // 3 - 2) + b'""]',
    "closing brackets": lambda: b"]" * MEGABYTES,
}
PARTS = b'{"model":"m","messages":[{"role":"user","content":[%s]}]}' % b",".join(
    [b'{"type":"text","text":"a"}'] * 120_000
)
# Long, and cheap: one text, whatever it is written in.
COSTLY_TEXT: dict[str, Callable[[], bytes]] = {
    "letters": lambda: b"a" * 19_000_000,
    "escapes": lambda: b"\\u4e2d" * 3_000_000,
    "quotes": lambda: b'\\"' * 9_500_000,
    "Chinese": lambda: "中".encode() * 6_000_000,
}


async def received(body: bytes, *, piece: int) -> AsyncIterator[Message]:
    for start in range(0, len(body), piece):
        yield {
            "type": "http.request",
            "body": body[start : start + piece],
            "more_body": start + piece < len(body),
        }


async def unheard(_message: Message) -> None:
    """Take an answer nobody reads."""


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def requested(receive: Receive, *headers: tuple[bytes, bytes]) -> Request:
    """Return a request whose body comes from ``receive``."""
    scope: Any = {"method": "POST", "path": "/v1/x", "headers": [*JSON, *headers]}
    return Request(scope, receive, unheard, "req_1")


async def take(
    reader: BodyReader, body: bytes, *, organisation: int, piece: int
) -> Any:
    """Read and parse ``body`` as the gateway does; return the call or the refusal."""
    messages = received(body, piece=piece)
    length = (b"content-length", str(len(body)).encode())
    try:
        request = requested(messages.__anext__, length)
        whole = await reader.read(request, organisation)
        return await reader.parse(request.dialect, whole, request.id)
    except APIError as error:
        return error


async def longest_turn(work: Any) -> tuple[Any, float]:
    """Return what ``work`` gives, and the most CPU the loop's thread took at once.

    CPU of the thread, not time on the wall: other processes of a busy machine
    would look like a slow loop.
    """
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    ticking = asyncio.create_task(tick())
    # It begins, and ends, beside the work: what that does at once counts as well.
    await asyncio.sleep(0)
    try:
        came = await work
        await asyncio.sleep(0)
        return came, longest
    finally:
        ticking.cancel()


@pytest.mark.parametrize("piece", [65_536, 20_000_000])
@pytest.mark.parametrize("shape", HOSTILE)
def test_a_hostile_body_is_refused_before_the_loop_notices(
    shape: str, piece: int
) -> None:
    body = HEAD + HOSTILE[shape]() + b"}"

    refusal, longest = asyncio.run(
        longest_turn(take(BodyReader(), body, organisation=1, piece=piece))
    )

    assert isinstance(refusal, APIError)
    assert refusal.status == 400
    assert longest < 0.03


def test_too_many_parts_of_a_message_are_refused_by_their_number() -> None:
    refusal, longest = asyncio.run(
        longest_turn(take(BodyReader(), PARTS, organisation=1, piece=65_536))
    )

    assert isinstance(refusal, APIError)
    assert "50000 lists, objects and fields" in refusal.message
    assert longest < 0.03


@pytest.mark.parametrize("piece", [65_536, 20_000_000])
@pytest.mark.parametrize("script", COSTLY_TEXT)
def test_a_long_text_is_taken_in_small_turns(script: str, piece: int) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"%s"}]}'
    body %= COSTLY_TEXT[script]()

    call, longest = asyncio.run(
        longest_turn(take(BodyReader(), body, organisation=1, piece=piece))
    )

    assert len(call.payload["messages"][0]["content"]) > 2_000_000
    assert longest < 0.03


@pytest.mark.parametrize("piece", [PIECE, 20_000_000])
def test_the_loop_has_a_turn_between_pieces_that_are_measured(piece: int) -> None:
    """However quick this machine is."""
    body = b'{"x":"%s"}' % (b"a" * 2_000_000)
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def read() -> None:
        ticking = asyncio.create_task(tick())
        incoming = requested(received(body, piece=piece).__anext__)
        await BodyReader().read(incoming, 1)
        ticking.cancel()

    asyncio.run(read())

    assert turns >= len(body) // PIECE


@pytest.mark.parametrize(
    ("size", "is_aside"), [(bodies.LONG_BODY, False), (bodies.LONG_BODY + 1, True)]
)
def test_a_long_body_is_not_parsed_on_the_loop(size: int, is_aside: bool) -> None:
    """It takes more than a millisecond, however quick this machine is."""
    parsed_in: list[threading.Thread] = []

    class Noting:
        def read(self, body: bytes, _request_id: str, _before: object) -> bytes:
            parsed_in.append(threading.current_thread())
            return body

    dialect: Any = Noting()
    asyncio.run(BodyReader().parse(dialect, b"a" * size, "req_1"))

    assert [one is not threading.main_thread() for one in parsed_in] == [is_aside]


def test_a_picture_of_some_megabytes_is_read() -> None:
    picture = {"url": "data:image/png;base64," + "A" * 5_000_000}
    parts = [{"type": "image_url", "image_url": picture}] * 3
    body = {"model": "m", "messages": [{"role": "user", "content": parts}]}

    call = asyncio.run(
        take(BodyReader(), orjson.dumps(body), organisation=1, piece=65_536)
    )

    assert call.size.attachments == 3


def test_a_long_conversation_with_many_tools_is_read() -> None:
    properties = {f"p{n}": {"type": "string", "description": "x"} for n in range(20)}
    tools = [{"type": "function", "function": {"name": "f", "parameters": properties}}]
    said = [{"role": "user", "content": "a, [b] {c}: d" * 100}] * 2000
    body = {"model": "m", "messages": said, "tools": tools * 128}

    call = asyncio.run(
        take(BodyReader(), orjson.dumps(body), organisation=1, piece=65_536)
    )

    assert len(call.payload["messages"]) == 2000


def test_an_organisation_that_sends_too_much_waits_and_the_others_do_not() -> None:
    reader = BodyReader()
    body = b'{"model":"m","messages":[{"role":"user","content":"%s"}]}'
    body %= b"a" * 18_000_000

    async def flood() -> list[Any]:
        mine = [take(reader, body, organisation=1, piece=65_536) for _ in range(8)]
        other = take(reader, body, organisation=2, piece=65_536)
        return await asyncio.gather(*mine, other)

    *mine, other = asyncio.run(flood())

    refused = [answer for answer in mine if isinstance(answer, APIError)]
    assert len(refused) == 5
    assert {error.status for error in refused} == {429}
    assert all(int(error.headers["retry-after"]) >= 1 for error in refused)
    assert not isinstance(other, APIError)


def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)

    async def wait() -> None:
        with pytest.raises(APIError) as caught:
            await BodyReader().read(requested(never), 1)
        assert caught.value.status == 408

    asyncio.run(wait())


@pytest.mark.parametrize(
    # Searching takes about a millisecond, and about ten.
    ("size", "is_aside"),
    [(5_000, False), (50_000, True)],
)
def test_a_long_search_for_personal_data_is_not_on_the_loop(
    size: int, is_aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """“DE12 ” half a megabyte long takes a tenth of a second to search."""
    search, searched_in = personal.hide, []

    def note_thread(body: bytes, kinds: frozenset[str]) -> tuple[bytes, dict[str, int]]:
        searched_in.append(threading.current_thread())
        return search(body, kinds)

    monkeypatch.setattr(personal, "hide", note_thread)
    words = b"DE12 " * size
    body = b'{"x":"%s"}' % words[: size - len(b'{"x":""}')]
    assert len(body) == size

    asyncio.run(BodyReader().hide(body, personal.KINDS))

    assert [one is not threading.main_thread() for one in searched_in] == [is_aside]
