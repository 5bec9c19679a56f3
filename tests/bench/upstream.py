"""A model server that costs next to nothing: ``python -m tests.bench.upstream PORT``.

It answers at once, with the ``user`` of the request in the answer, so that whoever
asked can tell whether the answer is theirs. A stream is ``EVENTS`` events, the
first at once and the others ``pause`` milliseconds apart (``"user":"x:pause"``).
"""

import asyncio
import sys
from typing import cast

import uvloop

EVENTS = 8
_USAGE = b'"usage":{"prompt_tokens":9,"completion_tokens":8,"total_tokens":17}'


def whole_answer(user: bytes) -> bytes:
    """Return the body of an answer to ``user``."""
    return (
        b'{"id":"bench","object":"chat.completion","created":1,"model":"bench",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":"'
        + user
        + b' all is well"},"finish_reason":"stop"}],'
        + _USAGE
        + b"}"
    )


def events(user: bytes) -> list[bytes]:
    """Return the events of a stream for ``user``, without usage and without end."""
    head = b'data: {"id":"bench","object":"chat.completion.chunk","created":1,"model":"bench",'
    return [
        head
        + b'"choices":[{"index":0,"delta":{"content":"%b %d"},"finish_reason":null}]}\n\n'
        % (user, number)
        for number in range(EVENTS)
    ]


def ending() -> bytes:
    head = b'data: {"id":"bench","object":"chat.completion.chunk","created":1,"model":"bench",'
    return head + b'"choices":[],' + _USAGE + b"}\n\ndata: [DONE]\n\n"


class Server(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        if head.startswith(b"get "):
            # Whether anybody is there.
            self.buffer = self.buffer[end + 4 :]
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            return
        at = head.index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length:
            return
        body = self.buffer[end + 4 : end + 4 + length]
        self.buffer = self.buffer[end + 4 + length :]
        at = body.index(b'"user":"') + 8
        user = body[at : body.index(b'"', at)]
        if b'"stream":true' in body:
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            self.step(events(user), int(user.rpartition(b":")[2]) / 1000)
            return
        answer = whole_answer(user)
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(answer), answer)
        )

    def step(self, left: list[bytes], pause: float) -> None:
        if not left:
            self.write_chunk(ending())
            self.transport.write(b"0\r\n\r\n")
            return
        self.write_chunk(left[0])
        asyncio.get_running_loop().call_later(pause, self.step, left[1:], pause)

    def write_chunk(self, data: bytes) -> None:
        self.transport.write(b"%x\r\n%b\r\n" % (len(data), data))


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
