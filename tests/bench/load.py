"""A load generator that is cheaper than what it loads: raw sockets, one core.

``python -m tests.bench.load`` reads one JSON line of ``Task`` and prints one JSON
line of ``Result``. Every byte of every answer is compared with what it must be.
"""

import asyncio
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

from tests.bench.upstream import ending, events, whole_answer


def said(raw: bytes) -> list[bytes]:
    """Return what an answer or a stream says: its choices, and whether it ended.

    Around them the gateway writes its own id, model and usage.
    """
    parts = raw.split(b'"choices":')
    choices = [part.split(b',"usage"')[0].split(b"\n")[0] for part in parts[1:]]
    return [
        *(each.rstrip(b"}") for each in choices),
        raw[-6:] if raw.endswith(b"\n\n") else b"",
    ]


@dataclass(kw_only=True)
class Task:
    """What to ask for: so many connections, for so long or so many times each."""

    port: int
    key: str
    connections: int
    seconds: float = 0
    times: int = 0
    is_stream: bool = False
    pause_ms: int = 0


@dataclass(kw_only=True)
class Result:
    """What came back. Times in milliseconds."""

    answered: int = 0
    wrong: int = 0
    seconds: float = 0
    p50: float = 0
    p99: float = 0
    first_p50: float = 0
    busy: float = 0
    processor_ms: float = 0
    complaint: str = ""


@dataclass
class Marks:
    """The times of all connections."""

    whole: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    wrong: int = 0
    complaint: str = ""


class Client(asyncio.Protocol):
    """One connection that asks, checks the answer and asks again."""

    def __init__(self, task: Task, number: int, marks: Marks) -> None:
        self.task = task
        self.number = number
        self.marks = marks
        self.turn = 0
        self.buffer = bytearray()
        self.ended = asyncio.get_running_loop().create_future()
        self.ends_at = time.perf_counter() + task.seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self.ask()

    def ask(self) -> None:
        self.user = b"c%d-%d:%d" % (self.number, self.turn, self.task.pause_ms)
        body = (
            b'{"model":"bench","messages":[{"role":"user","content":"Say that all is '
            b'well."}],"user":"%b"' % self.user
        )
        body += b',"stream":true}' if self.task.is_stream else b"}"
        self.has_first = False
        self.asked_at = time.perf_counter()
        self.transport.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\n"
            b"authorization: Bearer %b\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (self.task.key.encode(), len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.task.is_stream:
            if not self.has_first and b"data:" in self.buffer:
                self.has_first = True
                self.marks.first.append(time.perf_counter() - self.asked_at)
            if not self.buffer.endswith(b"0\r\n\r\n") and self.buffer[9:12] == b"200":
                return
            self.check_stream()
        else:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.buffer[:end]).lower()
            at = head.index(b"content-length:") + 15
            length = int(head[at:].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            self.compare(bytes(self.buffer[end + 4 :]), whole_answer(self.user))
        self.buffer.clear()
        self.turn += 1
        is_over = (
            self.turn >= self.task.times
            if self.task.times
            else time.perf_counter() >= self.ends_at
        )
        if is_over:
            self.end()
        else:
            self.ask()

    def check_stream(self) -> None:
        end = self.buffer.index(b"\r\n\r\n")
        body, rest = b"", bytes(self.buffer[end + 4 :])
        while rest and self.buffer[9:12] == b"200":
            size, _, rest = rest.partition(b"\r\n")
            body += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]
        # The usage event was not asked for: a bare proxy lets it through.
        told = ending()
        wanted = b"".join(events(self.user)) + b"data: [DONE]\n\n"
        self.compare(
            body.replace(told, b"data: [DONE]\n\n") if self.task.key == "-" else body,
            wanted,
        )

    def compare(self, got: bytes, wanted: bytes) -> None:
        if self.buffer[9:12] == b"200" and said(got) == said(wanted):
            self.marks.whole.append(time.perf_counter() - self.asked_at)
            return
        self.marks.wrong += 1
        self.marks.complaint = bytes(self.buffer[:600]).decode(errors="replace")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.marks.wrong += 1
            self.marks.complaint = f"connection lost: {exc}"
            self.end()

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        self.transport.close()


async def run(task: Task) -> Result:
    marks = Marks()
    loop = asyncio.get_running_loop()
    started, processor = time.perf_counter(), time.process_time()
    clients = [
        (
            await loop.create_connection(
                lambda number=number: Client(task, number, marks),  # type: ignore[misc]
                "127.0.0.1",
                task.port,
            )
        )[1]
        for number in range(task.connections)
    ]
    await asyncio.wait_for(
        asyncio.gather(*(client.ended for client in clients)), task.seconds + 20
    )
    took = time.perf_counter() - started
    times = sorted(marks.whole) or [0.0]
    return Result(
        answered=len(marks.whole),
        wrong=marks.wrong,
        seconds=took,
        p50=statistics.median(times) * 1000,
        p99=times[int(len(times) * 0.99) - 1 if len(times) > 1 else 0] * 1000,
        first_p50=statistics.median(marks.first or [0.0]) * 1000,
        busy=(time.process_time() - processor) / took,
        complaint=marks.complaint,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(run(Task(**json.loads(sys.stdin.read())))))))
