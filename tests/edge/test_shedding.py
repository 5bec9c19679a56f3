"""A full process refuses at once what can come again, and nothing else."""

import asyncio
from typing import Any

import orjson
import pytest

from edge import bodies
from edge.bodies import MOST_BYTES
from edge.shedding import SHED, SPARED, BoundedApplication


class Slow:
    """An application that answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.paths: list[str] = []
        self.fails = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # As Django: the body first, and no word where the caller has gone.
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
        self.paths.append(scope["path"])
        if self.fails:
            raise RuntimeError
        await self.let.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def nothing() -> dict[str, Any]:
    """Receive the body of a GET."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def ask(
    application: Any, path: str, receive: Any = nothing, *, declared: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the body of an answer."""
    sent: list[dict[str, Any]] = []
    length = [(b"content-length", declared.encode())] if declared else []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application({"type": "http", "path": path, "headers": length}, receive, send)
    headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:])


async def filled(slow: Slow, most: int) -> tuple[Any, list[Any]]:
    """Return an application that is full, and the tasks that fill it."""
    application = BoundedApplication(slow, most=most)
    tasks = [asyncio.ensure_future(ask(application, "/forum/")) for _ in range(most)]
    await asyncio.sleep(0)
    assert len(slow.paths) == most
    return application, tasks


def test_the_last_that_has_room_is_answered_and_the_next_is_told_when_to_come() -> None:
    async def run() -> None:
        slow = Slow()
        application, tasks = await filled(slow, 2)
        before = SHED.labels("pages")._value.get()

        status, headers, body = await ask(application, "/forum/")

        assert (status, headers["retry-after"]) == (503, "2")
        assert headers["content-length"] == str(len(body))
        assert "请几秒后再试" in body.decode()
        assert SHED.labels("pages")._value.get() == before + 1
        slow.let.set()
        assert {(await task)[0] for task in tasks} == {200}
        assert (await ask(application, "/forum/"))[0] == 200

    asyncio.run(run())


@pytest.mark.parametrize("path", [*SPARED, "/hooks/stripe/", "/accounts/login/"])
def test_webhooks_and_signing_in_are_never_refused(path: str) -> None:
    async def run() -> None:
        slow = Slow()
        application, tasks = await filled(slow, 1)

        spared = asyncio.ensure_future(ask(application, path))
        slow.let.set()

        assert (await spared)[0] == 200
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_the_rest_api_is_told_in_its_own_words() -> None:
    async def run() -> None:
        slow = Slow()
        application, tasks = await filled(slow, 1)

        status, headers, body = await ask(application, "/api/v1/topics/")

        assert (status, headers["content-type"]) == (503, "application/json")
        assert orjson.loads(body)["code"] == "overloaded"
        slow.let.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_what_fails_gives_its_room_back() -> None:
    async def run() -> None:
        slow = Slow()
        slow.fails = True
        application = BoundedApplication(slow, most=1)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await ask(application, "/forum/")

        assert application.running == 0

    asyncio.run(run())


def test_nought_refuses_nobody() -> None:
    async def run() -> None:
        slow = Slow()
        application = BoundedApplication(slow, most=0)
        tasks = [asyncio.ensure_future(ask(application, "/")) for _ in range(50)]
        await asyncio.sleep(0)
        slow.let.set()

        assert {(await task)[0] for task in tasks} == {200}

    asyncio.run(run())


class Sender:
    """Sends a body in pieces, the last of them when it is let."""

    def __init__(self, piece: bytes, count: int) -> None:
        self.piece, self.count = piece, count
        self.sent = 0
        self.is_at_the_last, self.let = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> dict[str, Any]:
        self.sent += 1
        if self.sent >= self.count:
            self.is_at_the_last.set()
            await self.let.wait()
        more = self.sent < self.count
        return {"type": "http.request", "body": self.piece, "more_body": more}


def test_bodies_that_never_come_keep_nobody_out() -> None:
    async def run() -> None:
        slow = Slow()
        slow.let.set()
        application = BoundedApplication(slow, most=2)
        senders = [Sender(b"a", 2) for _ in range(20)]
        waiting = [
            asyncio.ensure_future(ask(application, "/forum/new/", sender))
            for sender in senders
        ]
        async with asyncio.timeout(60):
            for sender in senders:
                await sender.is_at_the_last.wait()

        assert (await ask(application, "/forum/"))[0] == 200
        assert application.running == 0
        for sender in senders:
            sender.let.set()
        assert {(await task)[0] for task in waiting} <= {200, 503}
        assert application.running == 0

    asyncio.run(run())


def test_a_body_that_arrives_when_there_is_no_room_is_told_so() -> None:
    async def run() -> None:
        slow = Slow()
        application = BoundedApplication(slow, most=1)
        late = Sender(b"a", 2)
        waiting = asyncio.ensure_future(ask(application, "/forum/new/", late))
        await late.is_at_the_last.wait()
        inside = asyncio.ensure_future(ask(application, "/forum/"))
        await asyncio.sleep(0)
        assert slow.paths == ["/forum/"]

        late.let.set()

        status, headers, _body = await waiting
        assert (status, headers["retry-after"]) == (503, "2")
        slow.let.set()
        assert (await inside)[0] == 200
        assert application.running == 0

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/forum/new/", "/accounts/login/", "/hooks/github/"])
def test_a_body_without_end_is_not_read_to_its_end(path: str) -> None:
    async def run() -> None:
        slow = Slow()
        endless = Sender(b"x" * 1_000_000, 10**9)

        status, headers, body = await ask(BoundedApplication(slow), path, endless)

        assert status == 413
        assert endless.sent == MOST_BYTES // 1_000_000 + 1
        assert slow.paths == []
        assert "retry-after" not in headers
        is_program = path.startswith("/hooks/")
        assert (b"too_large" if is_program else "请求过大".encode()) in body

    asyncio.run(run())


def test_a_body_that_is_said_to_be_too_large_is_not_begun() -> None:
    async def run() -> None:
        sender = Sender(b"x", 10)
        declared = str(MOST_BYTES + 1)

        answer = await ask(
            BoundedApplication(Slow()), "/forum/new/", sender, declared=declared
        )

        assert (answer[0], sender.sent) == (413, 0)

    asyncio.run(run())


def test_the_largest_body_passes() -> None:
    async def run() -> None:
        slow = Slow()
        slow.let.set()
        largest = Sender(b"x" * (MOST_BYTES // 5), 5)
        largest.let.set()

        answer = await ask(
            BoundedApplication(slow),
            "/hooks/github/",
            largest,
            declared=str(MOST_BYTES),
        )

        assert answer[0] == 200

    asyncio.run(run())


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_SECONDS", 0.05)

    async def run() -> None:
        slow = Slow()
        slow.let.set()

        status, _headers, body = await ask(
            BoundedApplication(slow), "/api/v1/topics/", Sender(b"a", 2)
        )

        assert status == 408
        assert orjson.loads(body)["code"] == "request_timeout"
        assert slow.paths == []

    asyncio.run(run())


def test_whoever_waits_for_an_answer_is_not_hurried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Django asks whether the caller left for as long as it writes the answer."""
    monkeypatch.setattr(bodies, "MOST_SECONDS", 0.01)

    async def run() -> None:
        heard: list[str] = []
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not heard:
                return await nothing()
            await left.wait()
            return {"type": "http.disconnect"}

        async def patient(scope: Any, receive: Any, send: Any) -> None:
            heard.append((await receive())["type"])
            asyncio.get_running_loop().call_later(0.1, left.set)
            heard.append((await receive())["type"])
            await send({"type": "http.response.start", "status": 200, "headers": []})

        assert (await ask(BoundedApplication(patient), "/", receive))[0] == 200
        assert heard == ["http.request", "http.disconnect"]
        assert left.is_set()

    asyncio.run(run())
