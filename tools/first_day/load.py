"""People and programs at work while processes are replaced: nobody may be refused."""

import asyncio
import hashlib
import hmac
import json
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

# How often each kind is asked for, a second: 50 together.
RATES = {"page": 14.0, "file": 14.0, "webhook": 5.0, "call": 16.0, "stream": 1.0}
PAGES = ("/", "/docs/", "/pricing/", "/forum/", "/accounts/login/", "/docs/1.0/")
PATIENCE = 60


@dataclass
class Load:
    """Asks at ``RATES`` through the proxy, and notes every answer that is not right."""

    url: str
    key: str
    webhook_secret: str
    certificate: Path
    file_path: str
    asked: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0
    seconds: float = 0.0

    def __enter__(self) -> Self:
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._work()))
        self.started = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self.started
        self.is_over.set()
        self.thread.join()

    def figures(self) -> str:
        """Return one line with what was asked and what failed."""
        total = sum(self.asked.values())
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.asked.items())
        failed = Counter(each.partition(" s ")[2].split(":")[0] for each in self.failed)
        return (
            f"{total} requests in {self.seconds:.0f} s ({total / self.seconds:.0f}/s: "
            f"{kinds}), {len(self.failed)} failed {dict(failed) or ''},"
            f" slowest {self.slowest:.1f} s"
        )

    async def _work(self) -> None:
        trust = ssl.create_default_context(cafile=str(self.certificate))
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        # Browsers keep connections and ask again when one was just closed; what
        # changes something comes over a connection of its own.
        async with (
            aiohttp.ClientSession(
                self.url,
                connector=aiohttp.TCPConnector(ssl=trust, limit=0),
                timeout=timeout,
            ) as browser,
            aiohttp.ClientSession(
                self.url,
                connector=aiohttp.TCPConnector(ssl=trust, limit=0, force_close=True),
                timeout=timeout,
            ) as program,
            asyncio.TaskGroup() as group,
        ):
            turns = {
                "page": lambda number: self._page(browser, PAGES[number % len(PAGES)]),
                "file": lambda number: self._page(browser, self.file_path),
                "webhook": lambda number: self._webhook(program),
                "call": lambda number: self._call(program),
                "stream": lambda number: self._stream(program),
            }
            for kind, turn in turns.items():
                group.create_task(self._keep_asking(kind, turn, group))

    async def _keep_asking(
        self,
        kind: str,
        turn: Callable[[int], Awaitable[str]],
        group: asyncio.TaskGroup,
    ) -> None:
        number, begun = 0, time.monotonic()
        while not self.is_over.is_set():
            group.create_task(self._ask(kind, turn, number))
            number += 1
            # By the clock: an answer that is late does not put off the next question.
            await asyncio.sleep(max(0, begun + number / RATES[kind] - time.monotonic()))

    async def _ask(
        self, kind: str, turn: Callable[[int], Awaitable[str]], number: int
    ) -> None:
        self.asked[kind] += 1
        begun = time.monotonic()
        try:
            trouble = await turn(number)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            trouble = f"{type(error).__name__} {error}"
        if kind != "stream":
            self.slowest = max(self.slowest, time.monotonic() - begun)
        if trouble:
            at = begun - self.started
            self.failed.append(f"{at:6.1f} s {kind}: {trouble}")

    async def _page(self, session: aiohttp.ClientSession, path: str) -> str:
        async with session.get(path) as answer:
            await answer.read()
            return "" if answer.status == 200 else f"{path} {answer.status}"

    async def _webhook(self, session: aiohttp.ClientSession) -> str:
        status = await deliver(session, self.webhook_secret, {"zen": "Keep it small."})
        return "" if status == 202 else str(status)

    async def _call(self, session: aiohttp.ClientSession) -> str:
        async with session.post(
            "/v1/chat/completions", **self._asked("plain")
        ) as answer:
            body = await answer.json()
            return "" if answer.status == 200 else f"{answer.status} {body}"

    async def _stream(self, session: aiohttp.ClientSession) -> str:
        """Read a stream of ten seconds; it has to end as it ought to."""
        last = b""
        asked = self._asked("slow", stream=True)
        async with session.post("/v1/chat/completions", **asked) as answer:
            async for line in answer.content:
                last = line.strip() or last
            return "" if last == b"data: [DONE]" else f"{answer.status} {last!r}"

    def _asked(self, model: str, **options: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": "Hello"}]
        return {
            "json": {"model": model, "messages": messages, **options},
            "headers": {"Authorization": f"Bearer {self.key}"},
        }


async def deliver(
    session: aiohttp.ClientSession, secret: str, payload: dict[str, Any]
) -> int:
    """Send a webhook as GitHub does; return the status."""
    body = json.dumps(payload).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-GitHub-Event": "ping",
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    async with session.post("/hooks/github/", data=body, headers=headers) as answer:
        return answer.status
