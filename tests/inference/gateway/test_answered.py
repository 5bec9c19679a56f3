"""Upstreams that answer with 201, 202 or 204: what is an answer, and what is lost.

Every road is asked, whole and streamed, in the protocol of a chat and in its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.fakes.upstream import (
    DONE,
    USAGE,
    Script,
    Upstream,
    chunk,
    events,
    running_upstream,
    usage_event,
    whole,
)
from tests.inference.gateway.conftest import HELLO, PRO, Customer, recorded
from tests.inference.gateway.test_native import (
    MESSAGE,
    RESPONSE,
    SPEAKS,
    message_stream,
    response_stream,
)

TEXT = "Hello there!"
CHOICE = {"index": 0, "finish_reason": "stop"}
CHAT = {
    "choices": [{**CHOICE, "message": {"role": "assistant", "content": TEXT}}],
    "usage": USAGE,
}
COMPLETION = {"choices": [{**CHOICE, "text": TEXT}], "usage": USAGE}
READ = {"prompt_tokens": 2, "total_tokens": 2}
VECTORS = {"data": [{"index": 0, "embedding": [0.5]}], "usage": READ}
RANKED = {"results": [{"index": 0, "relevance_score": 0.5}], "usage": READ}
STREAM = events(chunk("Hello"), chunk(" there!"), chunk(finish="stop"), usage_event())
TEXTS = events(
    b'data: {"choices": [{"index": 0, "text": "Hello there!"}]}\n\n',
    usage_event(),
    DONE,
)


@dataclass(frozen=True)
class Road:
    """One way to ask, and what an upstream answers on it."""

    path: str
    asked: dict[str, Any]
    answer: Script
    capabilities: tuple[str, ...] = ()
    is_native: bool = False
    is_stream: bool = False


CHATTING: dict[str, Any] = {"messages": HELLO, "max_tokens": 99}
PROMPT: dict[str, Any] = {"prompt": "Say hello.", "max_tokens": 99}
INPUT: dict[str, Any] = {"input": "Say hello.", "max_output_tokens": 99}
ROADS = {
    "chat": Road("/chat/completions", CHATTING, whole(CHAT)),
    "completions": Road("/completions", PROMPT, whole(COMPLETION)),
    "responses": Road("/responses", INPUT, whole(CHAT)),
    "messages": Road("/messages", CHATTING, whole(CHAT)),
    "responses-native": Road("/responses", INPUT, whole(RESPONSE), is_native=True),
    "messages-native": Road("/messages", CHATTING, whole(MESSAGE), is_native=True),
    "embeddings": Road("/embeddings", {"input": "x"}, whole(VECTORS), ("embeddings",)),
    "rerank": Road(
        "/rerank", {"query": "x", "documents": ["y"]}, whole(RANKED), ("rerank",)
    ),
    "chat-stream": Road("/chat/completions", CHATTING, STREAM, is_stream=True),
    "chat-whole": Road("/chat/completions", CHATTING, whole(CHAT), is_stream=True),
    "completions-stream": Road("/completions", PROMPT, TEXTS, is_stream=True),
    "responses-stream": Road("/responses", INPUT, STREAM, is_stream=True),
    "messages-stream": Road("/messages", CHATTING, STREAM, is_stream=True),
    "responses-native-stream": Road(
        "/responses", INPUT, response_stream(), is_native=True, is_stream=True
    ),
    "messages-native-stream": Road(
        "/messages", CHATTING, message_stream(), is_native=True, is_stream=True
    ),
}
# What is no answer on any road: nothing, a page, a word that it comes later.
NO_ANSWERS = {
    "204": Script([], 204, {}),
    "201-empty": Script([], 201, {"content-length": "0"}),
    "202-empty-stream": replace(events(), status=202),
    "202-page": Script([b"<html>Accepted"], 202, {"content-type": "text/html"}),
    "202-later": whole({"id": "job_1", "status": "queued"}, 202),
    "202-response": whole({**RESPONSE, "status": "queued", "output": []}, 202),
}


@pytest.fixture
def ada(customer: Callable[..., Customer]) -> Customer:
    return customer(features=PRO)


@pytest.fixture
def ask(ada: Customer, offer: Any, upstream: Upstream) -> Callable[..., Any]:
    """Return a function that asks an upstream on one road, with a spare one behind."""

    def post(slug: str, road: Road, script: Script, spare: str) -> Any:
        upstream.scripts[slug] = script
        offer(
            upstream,
            slug,
            others=[spare] if spare else [],
            capabilities=list(road.capabilities),
            **(SPEAKS if road.is_native else {}),
        )
        stream = {"stream": True} if road.is_stream else {}
        return ada.post(road.path, json={"model": slug, **road.asked, **stream})

    return post


def test_an_answer_is_one_whatever_two_hundred_it_came_with(
    ask: Callable[..., Any], upstream: Upstream
) -> None:
    told = {
        (name, status): ask(
            f"{name}-{status}", road, replace(road.answer, status=status), ""
        )
        for name, road in ROADS.items()
        for status in (201, 202)
    }

    for (name, status), response in told.items():
        assert response.status_code == 200, (name, status, response.text)
        if not ROADS[name].capabilities:
            assert "Hello" in response.text, (name, status)
            assert " there" in response.text, (name, status)
    rows = recorded(len(told))
    assert [row.status for row in rows] == ["ok"] * len(told)
    assert all(row.price_nano > 0 for row in rows)
    assert not any(row.is_estimated for row in rows)
    # Each was bought once.
    assert len(upstream.requests) == len(told)


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_none_may_have_cost_us_and_is_not_bought_again(
    ask: Callable[..., Any], upstream: Upstream, name: str
) -> None:
    script = NO_ANSWERS[name]
    with running_upstream() as spare:
        told = {
            road: ask(f"{name}-{road}", ROADS[road], script, spare.url)
            for road in ROADS
        }

        assert spare.requests == []
    assert {road: each.status_code for road, each in told.items()} == dict.fromkeys(
        ROADS, 502
    )
    assert len(upstream.requests) == len(told)
    rows = recorded(len(told))
    assert {(row.status, row.attempts) for row in rows} == {("upstream_error", 1)}
    assert {row.upstream_status for row in rows} == {script.status}
    # Nobody pays for nothing, and the prompt that was read is a cost of ours.
    assert {row.price_nano for row in rows} == {0}
    assert all(row.cost_nano > 0 for row in rows)


def test_an_error_that_says_nothing_was_used_may_be_bought_elsewhere(
    ask: Callable[..., Any], upstream: Upstream
) -> None:
    said = whole({"error": {"message": "out of memory"}}, 201)
    with running_upstream() as spare:
        spare.scripts["error"] = ROADS["chat"].answer

        response = ask("error", ROADS["chat"], said, spare.url)

    assert (response.status_code, len(spare.requests)) == (200, 1)
    (row,) = recorded()
    assert (row.status, row.attempts, row.upstream_status) == ("ok", 2, 201)
    # Nobody knows whether the first has read it: it is counted.
    assert row.cost_nano > 9 * 500 + 3 * 1000
