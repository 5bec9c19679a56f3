"""One model by three roads: the same price, the same rows, the same silence."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from core.crypto import encrypt
from inference.usage.models import UsageEvent
from tests.fakes.upstream import DONE, Upstream, delta, events, whole
from tests.inference.gateway.conftest import HELLO, Customer, recorded

ROADS: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": HELLO, "max_tokens": 50},
    "/messages": {"messages": HELLO, "max_tokens": 50},
    "/responses": {"input": HELLO, "max_output_tokens": 50},
}
CANARY = "http://10.0.0.7:8000/v1"
SECRET = "sk-upstreamsecret"
CACHED = {
    "prompt_tokens": 900,
    "completion_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 500},
    "completion_tokens_details": {"reasoning_tokens": 40},
}


@pytest.fixture
def ada(customer: Callable[..., Customer]) -> Customer:
    return customer()


def ask(ada: Customer, model: str, *, is_stream: bool) -> list[httpx.Response]:
    return [
        ada.post(road, json={"model": model, "stream": is_stream, **asked})
        for road, asked in ROADS.items()
    ]


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("usage", [CACHED, None], ids=["told", "estimated"])
def test_each_road_costs_the_same_to_the_nano(
    ada: Customer, offer: Any, upstream: Upstream, is_stream: bool, usage: Any
) -> None:
    message = {"content": "Hello there!", "reasoning_content": "Hm."}
    told = b"data: " + orjson.dumps({"choices": [], "usage": usage}) + b"\n\n"
    upstream.scripts["same"] = (
        events(delta(**message), delta("stop"), *([told] if usage else []), DONE)
        if is_stream
        else whole(
            {
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": usage,
            }
        )
    )
    offer(upstream, "same")

    answers = ask(ada, "same", is_stream=is_stream)

    assert [answer.status_code for answer in answers] == [200] * 3
    rows = recorded(3)
    assert len({row.price_nano for row in rows}) == 1
    assert (
        len({(row.tokens_in, row.tokens_cached, row.tokens_out) for row in rows}) == 1
    )
    assert rows[0].price_nano > 0
    assert {row.is_estimated for row in rows} == {usage is None}
    assert {row.status for row in rows} == {UsageEvent.Status.OK}
    sent = [request["payload"] for request in upstream.requests]
    assert sent[0] == sent[1] == sent[2]


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_where_an_upstream_runs_comes_out_on_no_road(
    ada: Customer, offer: Any, upstream: Upstream, is_stream: bool, status: int
) -> None:
    said = f"engine died at {CANARY} key {SECRET}"
    error = {"error": {"message": said, "type": said, "code": said, "param": said}}
    upstream.scripts["leaky"] = whole(error, status, {"x-upstream": SECRET})
    offer(upstream, "leaky")

    answers = ask(ada, "leaky", is_stream=is_stream)

    for answer in answers:
        assert answer.status_code >= 400
        heard = f"{answer.headers} {answer.text}"
        assert not re.search(r"10\.0\.0\.7|upstreamsecret", heard)


def test_an_error_in_the_middle_leaks_on_no_road(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    error = {"error": {"message": f"died at {CANARY} key {SECRET}"}}
    late = b"data: " + orjson.dumps(error) + b"\n\n"
    upstream.scripts["leaky"] = events(delta(content="Hello"), 0.05, late)
    offer(upstream, "leaky")

    heard = []
    for road, asked in ROADS.items():
        body = {"model": "leaky", "stream": True, **asked}
        key = {"authorization": f"Bearer {ada.secret}"}
        with httpx.stream("POST", f"{ada.url}{road}", json=body, headers=key) as answer:
            text = ""
            try:
                for piece in answer.iter_text():
                    text += piece
            except httpx.RemoteProtocolError:
                # A chat has no other sign that this is not the whole answer.
                assert road == "/chat/completions"
        heard.append(text)

    assert all("Hello" in text and "broke off" in text for text in heard)
    assert not re.search(r"10\.0\.0\.7|upstreamsecret", "".join(heard))


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_key_that_a_model_repeats_is_told_on_no_road(
    ada: Customer, offer: Any, upstream: Upstream, is_stream: bool
) -> None:
    message = {"content": f"You came with {SECRET} here."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    upstream.scripts["echo"] = (
        events(delta(**message), delta("stop"), DONE)
        if is_stream
        else whole({"choices": [choice]})
    )
    offer(upstream, "echo", credential=encrypt(SECRET))

    answers = ask(ada, "echo", is_stream=is_stream)

    assert [answer.status_code for answer in answers] == [200] * 3
    for answer in answers:
        assert "You came with" in answer.text
        assert "upstreamsecret" not in answer.text


LONG = [{"role": "user", "content": "word " * 20_000}]
COUNT = 28_577
TOO_LONG = (
    "This model's maximum context length is 8000 tokens. However, your messages "
    f"resulted in {COUNT} tokens (estimated). Please reduce the length of the messages. "
    "Input tokens exceed the configured limit."
)


def test_what_is_too_long_is_told_in_each_protocols_own_sentence(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    chat, messages, response = (
        ada.post(road, json={"model": "plain", **asked}).json()["error"]
        for road, asked in (
            ("/chat/completions", {"messages": LONG}),
            ("/messages", {"messages": LONG, "max_tokens": 50}),
            ("/responses", {"input": LONG}),
        )
    )

    assert (chat["message"], chat["param"]) == (TOO_LONG, "messages")
    assert messages["message"] == (
        f"prompt is too long: {COUNT} tokens > 8000 maximum (estimated)"
    )
    assert response["message"] == (
        "Your input exceeds the context window of this model. Please adjust your "
        f"input and try again. {TOO_LONG}"
    )
    assert response["param"] == "input"
    assert chat["code"] == response["code"] == "context_length_exceeded"
    assert upstream.requests == []


def test_a_prompt_that_fits_without_its_answer_is_told_with_both(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", context_tokens=1200)
    said = [{"role": "user", "content": "word " * 700}]

    chat, messages = (
        ada.post(
            road, json={"model": "plain", "messages": said, "max_tokens": 900}
        ).json()["error"]["message"]
        for road in ("/chat/completions", "/messages")
    )

    assert chat == (
        "This model's maximum context length is 1200 tokens. However, you requested "
        "1906 tokens (estimated) (1006 in the messages, 900 in the completion). "
        "Please reduce the length of the messages or completion. "
        "Input tokens exceed the configured limit."
    )
    # Claude Code reads these three numbers.
    assert "exceed context limit: 1006 + 900 > 1200" in messages


def test_addresses_that_both_protocols_have_refuse_in_the_callers_words(
    ada: Customer,
) -> None:
    theirs = {"anthropic-version": "2023-06-01", "x-api-key": "ds_live_none"}

    for path in ("/models", "/nothing"):
        refused = httpx.get(f"{ada.url}{path}", headers=theirs).json()
        assert refused["type"] == "error"
        assert refused["error"]["type"] in {"authentication_error", "not_found_error"}
        ours = httpx.get(f"{ada.url}{path}", headers={"x-api-key": "x"}).json()
        assert "type" not in ours
