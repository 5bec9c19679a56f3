"""A full process refuses at once what can come again, and nothing else."""

import asyncio
from typing import Any

import orjson
import pytest

from edge.shedding import SHED, SPARED, BoundedApplication


class Slow:
    """An application that answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.paths: list[str] = []
        self.fails = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        if self.fails:
            raise RuntimeError
        await self.let.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def ask(application: Any, path: str) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the body of an answer."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application({"type": "http", "path": path}, None, send)
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
