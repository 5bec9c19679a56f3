"""Random calls and an upstream that knows what each of them truly used.

A call carries its number in its prompt, so that the upstream finds its plan again on
every road and after every translation.
"""

import asyncio
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.servers import free_port
from tests.fakes.upstream import DONE

# A fifth of the calls meets one of these.
FAULTS = (
    *(
        "status",
        "reset before",
        "reset within",
        "garbage",
        "error in 200",
        "error first",
    ),
    *("late error", "no usage", "absurd usage", "unreadable usage", "no end", "leave"),
)
FAULT_SHARE = 0.2
STATUSES = (400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 529)
ROADS = (
    *("/chat/completions",) * 5,
    *("/completions", "/embeddings", "/messages", "/responses"),
)
_NUMBER = re.compile(r"call (\d+)\b")


@dataclass(slots=True)
class Plan:
    """What one call asks, what its upstream does, and what that truly uses."""

    number: int
    road: str
    is_stream: bool
    max_tokens: int
    prompt: int
    cached: int
    completion: int
    answers: int
    vocabulary: str
    fault: str = ""
    status: int = 200
    # Another deployment stands behind the one that fails.
    has_second: bool = False
    # How often a model wrote something for it.
    runs: list[int] = field(default_factory=list)

    @property
    def is_told(self) -> bool:
        """Whether the upstream tells its usage as it is."""
        return self.fault not in {"no usage", "absurd usage", "unreadable usage"}

    @property
    def request(self) -> dict[str, Any]:
        text = f"call {self.number} " + "please " * (self.prompt // 4)
        model = "pair" if self.has_second else "single"
        if self.road == "/embeddings":
            return {"model": "embedder", "input": text}
        if self.road == "/responses":
            return self._sized("max_output_tokens", {"model": model, "input": text})
        if self.road == "/completions":
            body: dict[str, Any] = {"model": model, "prompt": text, "n": self.answers}
            return self._sized("max_tokens", body)
        said = [{"role": "user", "content": text}]
        body = {"model": model, "messages": said}
        if self.road == "/chat/completions" and self.answers > 1:
            body["n"] = self.answers
        return self._sized("max_tokens", body)

    def _sized(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, name: self.max_tokens, "stream": self.is_stream}

    def usage(self) -> Any:
        """Return what is used, as this plan's upstream tells it."""
        if self.fault == "absurd usage":
            return {"prompt_tokens": 10**12, "completion_tokens": 10**12}
        if self.fault == "unreadable usage":
            return {"prompt_tokens": "many", "completion_tokens": [5]}
        return VOCABULARIES[self.vocabulary](self.prompt, self.cached, self.completion)


def _openai(prompt: Any, cached: Any, completion: Any) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


VOCABULARIES: dict[str, Callable[[int, int, int], dict[str, Any]]] = {
    "openai": _openai,
    "floats": lambda p, c, o: _openai(float(p), float(c), float(o)),
    "texts": lambda p, c, o: _openai(str(p), str(c), f"{o}.0"),
    "total": lambda p, c, o: {
        "prompt_tokens": p,
        "total_tokens": p + o,
        "cached_tokens": c,
    },
    "deepseek": lambda p, c, o: {
        "completion_tokens": o,
        "prompt_cache_hit_tokens": c,
        "prompt_cache_miss_tokens": p - c,
    },
    "anthropic": lambda p, c, o: {
        "input_tokens": p - c,
        "output_tokens": o,
        "cache_read_input_tokens": c,
    },
    "responses": lambda p, c, o: {
        "input_tokens": p,
        "output_tokens": o,
        "input_tokens_details": {"cached_tokens": c},
    },
    "ollama": lambda p, c, o: {
        "prompt_eval_count": p,
        "eval_count": o,
        "cached_tokens": c,
    },
    "bedrock": lambda p, c, o: {
        "inputTokens": p - c,
        "outputTokens": o,
        "cacheReadInputTokens": c,
    },
}


def plans(count: int, seed: int) -> Iterator[Plan]:
    """Yield random calls, a fifth of them with a fault; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - to be repeatable
    for number in range(count):
        road = rng.choice(ROADS)
        max_tokens = rng.randint(1, 60)
        answers = rng.choice((1, 1, 1, 2, 5)) if road.endswith("completions") else 1
        is_embedding = road == "/embeddings"
        prompt = rng.randint(1, 400)
        plan = Plan(
            number=number,
            road=road,
            is_stream=not is_embedding and rng.random() < 0.5,
            max_tokens=max_tokens,
            prompt=prompt,
            cached=rng.choice((0, 0, rng.randint(0, prompt))),
            completion=0 if is_embedding else rng.randint(1, max_tokens * answers),
            answers=answers,
            vocabulary=rng.choice(sorted(VOCABULARIES)),
        )
        if rng.random() < FAULT_SHARE:
            plan.fault = rng.choice(FAULTS)
            plan.status = rng.choice(STATUSES)
            plan.has_second = not is_embedding and rng.random() < 0.5
        yield plan


class TrueUpstream:
    """Serves plans. ``port`` fails as they say; ``second`` is always in order."""

    def __init__(self, known: dict[int, Plan]) -> None:
        self.known = known
        self.port, self.second = free_port(), free_port()

    def application(self, *, is_second: bool) -> web.Application:
        application = web.Application(client_max_size=10**8)

        async def answer(request: web.Request) -> web.StreamResponse:
            payload = await request.json()
            found = _NUMBER.search(json.dumps(payload))
            assert found is not None
            plan = self.known[int(found.group(1))]
            fault = "" if is_second else plan.fault
            if payload.get("stream"):
                return await self._stream(request, plan, fault)
            return await self._whole(request, plan, fault)

        application.router.add_post("/v1/{tail:.*}", answer)
        return application

    async def _whole(
        self, request: web.Request, plan: Plan, fault: str
    ) -> web.StreamResponse:
        if fault in {"reset before", "reset within"}:
            return await _reset(request, b'{"choices": [' if "within" in fault else b"")
        if fault == "status":
            return _refusal(plan.status)
        if fault == "garbage":
            return web.Response(text="<html>no</html>", content_type="application/json")
        if fault in {"error in 200", "error first", "late error"}:
            return web.json_response({"error": {"message": "broken", "type": "server"}})
        if fault == "leave":
            await asyncio.sleep(0.3)
        plan.runs.append(plan.completion)
        body: dict[str, Any] = {"id": "up", "model": "up"}
        if plan.road == "/embeddings":
            body["data"] = [{"index": 0, "embedding": [0.5, 0.25], "object": "e"}]
        else:
            body["choices"] = [_choice(plan, index) for index in range(plan.answers)]
        if fault != "no usage":
            body["usage"] = plan.usage()
        return web.json_response(body)

    async def _stream(
        self, request: web.Request, plan: Plan, fault: str
    ) -> web.StreamResponse:
        if fault == "reset before":
            return await _reset(request, b"")
        if fault == "status":
            return _refusal(plan.status)
        if fault == "garbage":
            return web.Response(text="<html>no</html>", content_type="text/html")
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        if fault in {"error in 200", "error first"}:
            await response.write(_event({"error": {"message": "out of memory"}}))
            return response
        plan.runs.append(plan.completion)
        for index in range(plan.answers):
            await response.write(_event({"choices": [_piece(plan, index)]}))
        if fault == "reset within" and request.transport is not None:
            await asyncio.sleep(0.01)
            request.transport.abort()
            return response
        if fault == "late error":
            await response.write(_event({"error": {"message": "died"}}))
            return response
        if fault == "leave":
            await asyncio.sleep(0.3)
        if fault == "no end":
            return response
        for index in range(plan.answers):
            end = {"index": index, "delta": {}, "text": "", "finish_reason": "stop"}
            await response.write(_event({"choices": [end]}))
        if fault != "no usage":
            await response.write(_event({"choices": [], "usage": plan.usage()}))
        await response.write(DONE)
        return response


def _text(plan: Plan) -> str:
    return "word " * max(1, plan.completion // plan.answers)


def _choice(plan: Plan, index: int) -> dict[str, Any]:
    said = {"role": "assistant", "content": _text(plan)}
    kept = (
        {"text": said["content"]} if plan.road == "/completions" else {"message": said}
    )
    return {"index": index, "finish_reason": "stop", **kept}


def _piece(plan: Plan, index: int) -> dict[str, Any]:
    text = _text(plan)
    said = (
        {"text": text} if plan.road == "/completions" else {"delta": {"content": text}}
    )
    return {"index": index, "finish_reason": None, **said}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _refusal(status: int) -> web.Response:
    body = {"error": {"message": f"refused with {status}", "type": "x"}}
    headers = {"retry-after": "0"} if status == 429 else {}
    return web.json_response(body, status=status, headers=headers)


async def _reset(request: web.Request, begun: bytes) -> web.StreamResponse:
    """Break a connection off, before its answer or within."""
    response = web.StreamResponse(headers={"content-length": "9999"})
    if begun:
        await response.prepare(request)
        await response.write(begun)
    if request.transport is not None:
        request.transport.abort()
    return response
