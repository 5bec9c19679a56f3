"""One key with every poison there is: nobody else's calls notice.

What one caller can bring about, by its own request or by what a server makes of it, is
not evidence against the server. Two gateways share what they see.
"""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from entitlements.features import Features
from inference.usage.models import UsageEvent
from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.fakes.upstream import DONE, Script, Upstream, chunk, events, serving, whole
from tests.inference.gateway.conftest import (
    Customer,
    Gateway,
    customer,
    gateway,
    gateway_process,
    offer,
    recorded,
)

__all__ = ["customer", "gateway", "gateway_process", "offer"]
pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Customer]
FAST = Features(
    plan="pro",
    requests_per_minute=100_000,
    tokens_per_minute=100_000_000,
    concurrent_requests=100,
)
# How long a model may think before the server is taken for slow: seconds.
PATIENCE = 1
WAIT = PATIENCE + 0.5


def error(status: int, message: str, **more: Any) -> Script:
    headers = {"retry-after": "60"} if status in {429, 503} else {}
    return whole({"error": {"message": message, **more}}, status, headers)


# What a server answers to a request that is poison to it, by the word in its prompt.
SERVERS: dict[str, Script] = {
    "crash": error(500, "CUDA error: an illegal memory access was encountered"),
    "assertion": error(500, "AssertionError"),
    "tokeniser": error(500, "tokenizer failed"),
    "template": error(500, "Conversation roles must alternate"),
    "grammar": error(500, "failed to parse grammar"),
    "memory": error(500, "out of memory"),
    "overlong": error(500, "the request exceeds the available context size"),
    "image": error(500, "image input is not supported"),
    "page": Script([b"<html>Bad gateway</html>"], 502, {"content-type": "text/html"}),
    "loading": error(503, "Loading model"),
    "overloaded": error(529, "Overloaded"),
    "timeout": error(504, "upstream timed out"),
    "moderation 403": error(403, "flagged by moderation"),
    "moderation 400": error(400, "content_policy_violation", code="content_filter"),
    "moderation 451": error(451, "unavailable for legal reasons"),
    "moderation 401": error(401, "not authorised to say that"),
    "no access": error(403, "You have no access to this feature"),
    "no money": error(402, "Insufficient balance"),
    "no such": error(404, "The model does not exist"),
    "no method": error(405, "Method Not Allowed"),
    "not acceptable": error(406, "Not Acceptable"),
    "conflict": error(409, "conflict"),
    "gone": error(410, "gone"),
    "large": error(413, "Payload Too Large"),
    "unprocessable": whole({"detail": [{"loc": ["body"], "msg": "bad"}]}, 422),
    "huge prompt": error(429, "Request too large for tokens per minute"),
    "at its limit": error(429, "Rate limit reached"),
    "not built": error(501, "this server does not support that"),
    "teapot": error(418, "no"),
    "redirect": Script([b""], 302, {"location": "http://169.254.169.254/"}),
    "error in 200": whole({"error": {"message": "boom"}}),
    "limit in 200": whole({"error": {"message": "slow", "type": "rate_limit_error"}}),
    "key in 200": whole({"error": {"message": "no key", "code": "401"}}),
    "html in 200": Script([b"<html>"], headers={"content-type": "text/html"}),
    "no json": Script([b'{"choices": [']),
    "empty": whole({}),
    "list": whole([1, 2]),
    "no choices": whole({"choices": None}),
    "reset": Script([b"{", None]),
    "reset at once": Script([None]),
    "silence": Script([WAIT]),
    "error first": events(b'data: {"error": {"message": "died"}}\n\n'),
    "late error": events(chunk("Hi"), b'data: {"error": {"message": "died"}}\n\n'),
    "cut": events(chunk("Hi"), None),
    "endless event": events(b"data: ", *[b"x" * 1_000_000] * 17),
    "role only": events(
        b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n', None
    ),
    "broken events": events(b"data: {no\n\n", b"event: x\n\n", None),
}
HELLO = {"messages": [{"role": "user", "content": "Say hello."}]}
DEEP: Any = {"x": json.loads("[" * 900 + "]" * 900)}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
# What callers send that no server should see.
REQUESTS: dict[str, Any] = {
    "no messages": {"messages": []},
    "wrong messages": {"messages": "hello"},
    "wrong role": {"messages": [{"role": "god", "content": "x"}]},
    "picture": {"messages": [{"role": "user", "content": [PICTURE]}]},
    "unknown part": {"messages": [{"role": "user", "content": [{"type": "smell"}]}]},
    "huge n": {**HELLO, "n": 10**9},
    "negative": {**HELLO, "max_tokens": -1},
    "temperature": {**HELLO, "temperature": 1e308},
    "other limit": {**HELLO, "n_predict": 10**9},
    "other address": {**HELLO, "api_base": "http://127.0.0.1:1"},
    "unknown": {**HELLO, "ignore_eos": True},
    "deep": {**HELLO, "tools": [DEEP]},
    "long": {"messages": [{"role": "user", "content": "a " * 100_000}]},
    "stops": {**HELLO, "stop": [1, 2]},
    "stream": {**HELLO, "stream": "yes"},
}


class Poisoned(Upstream):
    """Answers a prompt with its poison, and everybody else properly."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        payload = await request.json()
        text = payload["messages"][-1]["content"]
        script = SERVERS.get(text.removeprefix("poison: "))
        if script is not None:
            return await self._play(request, script)
        if payload.get("stream"):
            good = events(chunk("Hello"), chunk(finish="stop"), DONE)
            return await self._play(request, good)
        choice = {"message": {"content": "Hello"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 3}
        return web.json_response({"choices": [{"index": 0, **choice}], "usage": usage})


@pytest.fixture
def poisoned() -> Iterator[Poisoned]:
    upstream = Poisoned()
    application = web.Application(client_max_size=10**8)
    application.router.add_post("/v1/{tail:.*}", upstream.answer)
    with serving(application, upstream.port):
        yield upstream


@pytest.fixture
def second(gateway: Gateway, tmp_path: Path) -> Iterator[str]:
    """Another gateway process, which hears what the first one sees."""
    port = free_port()
    command = asgi_command("inference.gateway.alone:application", port)
    environment = product_environment(TRUSTED_PROXIES="1")
    log = tmp_path / "second.log"
    with running(command, environment, f"http://127.0.0.1:{port}/", log):
        yield f"http://127.0.0.1:{port}/v1"


@dataclass
class Sender:
    """Somebody who calls over and over until told to stop."""

    who: Customer
    urls: list[str]
    bodies: Callable[[], dict[str, Any]]
    pause: float = 0.0

    def __post_init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        self.thread = threading.Thread(target=self._run)
        self.has_to_stop = threading.Event()

    def _run(self) -> None:
        key = {"authorization": f"Bearer {self.who.secret}"}
        with httpx.Client(headers=key, timeout=30) as client:
            while not self.has_to_stop.is_set():
                body = {"model": "shared", **self.bodies()}
                url = f"{random.choice(self.urls)}/chat/completions"  # noqa: S311
                try:
                    answer = client.post(url, json=body)
                    self.statuses[answer.status_code] += 1
                    if answer.status_code != 200:
                        self.failures.append(answer.text)
                except httpx.HTTPError as broken:
                    self.statuses[0] += 1
                    self.failures.append(repr(broken))
                time.sleep(self.pause)


def poison() -> dict[str, Any]:
    """Return one poisonous request of all there are, streamed or not."""
    rng = random.Random()  # noqa: S311 - any will do
    if rng.random() < 0.2:
        return dict(rng.choice(list(REQUESTS.values())))
    text = f"poison: {rng.choice(list(SERVERS))}"
    said = [{"role": "user", "content": text}]
    return {"messages": said, "stream": rng.random() < 0.5}


def proper() -> dict[str, Any]:
    return {**HELLO, "stream": random.random() < 0.5}  # noqa: S311


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(6, id="smoke"),
        pytest.param(
            int(os.environ.get("SECONDS", "60")), marks=pytest.mark.faults, id="all"
        ),
    ],
)
def test_one_keys_poison_is_nobody_elses(
    customer: Make, offer: Any, poisoned: Poisoned, second: str, seconds: int
) -> None:
    assert len(SERVERS) + len(REQUESTS) >= 40
    offer(poisoned, "up", slug="shared", first_byte_timeout=PATIENCE, total_timeout=2)
    ada, ben = customer("ada", features=FAST), customer("ben", features=FAST)
    urls = [ada.url, second]
    bad = [Sender(ada, urls, poison) for _ in range(6)]
    good = [Sender(replace(ben), urls, proper, pause=0.02) for _ in range(2)]

    for sender in (*bad, *good):
        sender.thread.start()
    time.sleep(seconds)
    for sender in (*bad, *good):
        sender.has_to_stop.set()
    for sender in (*bad, *good):
        sender.thread.join()

    theirs = sum((sender.statuses for sender in good), Counter())
    assert set(theirs) == {200}, [sender.failures[:3] for sender in good]
    assert theirs[200] > 10 * seconds
    sent = sum((sender.statuses for sender in bad), Counter())
    assert sent.total() > 10 * seconds
    # Poison is told apart, and none of it is the gateway's own fault.
    assert sent[500] == 0
    rows = UsageEvent.objects.filter(organisation=ada.organisation)
    delivered = rows.exclude(status__in=("upstream_error", "refused", "timed_out"))
    assert set(delivered.values_list("status", flat=True)) <= {
        "ok",
        "failed_mid_stream",
    }
    assert not rows.exclude(pk__in=delivered).exclude(price_nano=0).exists()
    recorded(theirs[200])
