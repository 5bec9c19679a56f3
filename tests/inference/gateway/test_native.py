"""Servers that speak Messages or Responses themselves are asked in them."""

import re
from collections.abc import Callable
from typing import Any

import anthropic
import orjson
import pytest

from core.crypto import encrypt
from inference.stored import services as storing
from inference.usage.models import UsageEvent
from tests.fakes.upstream import (
    DONE,
    Script,
    Upstream,
    delta,
    events,
    running_upstream,
    usage_event,
    whole,
)
from tests.inference.gateway.conftest import HELLO, PRO, Customer, recorded

CANARY = "http://10.0.0.7:8000/v1"
SECRET = "sk-upstreamsecret"
SPEAKS = {"options": {"speaks": ["messages", "responses"]}}
# One conversation as each protocol says it: 900 read, 500 of them cached, 42 written.
CHAT_USAGE = {
    "prompt_tokens": 900,
    "completion_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 500},
}
MESSAGE_USAGE = {
    "input_tokens": 400,
    "cache_read_input_tokens": 500,
    "cache_creation_input_tokens": 0,
    "output_tokens": 42,
}
RESPONSE_USAGE = {
    "input_tokens": 900,
    "input_tokens_details": {"cached_tokens": 500},
    "output_tokens": 42,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 942,
}
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}
TEXT = {"type": "text", "text": "Hello there!"}
MESSAGE: dict[str, Any] = {
    "id": "msg_upstream",
    "type": "message",
    "role": "assistant",
    "model": "secret-internal-name",
    "content": [THINKING, TEXT],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": MESSAGE_USAGE,
    "container": {"id": CANARY},
}
ITEM: dict[str, Any] = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello there!", "annotations": []}],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_upstream",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "secret-internal-name",
    "output": [ITEM],
    "usage": RESPONSE_USAGE,
    "system_fingerprint": CANARY,
}


def named(kind: str, **fields: Any) -> bytes:
    data = orjson.dumps({"type": kind, **fields})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def message_stream(*, usage: bool = True, ends: bool = True) -> Script:
    start = {**MESSAGE, "content": [], "stop_reason": None}
    start["usage"] = {**MESSAGE_USAGE, "output_tokens": 1} if usage else {}
    block = {"type": "text", "text": ""}
    pieces = [
        named("message_start", message=start),
        named("ping"),
        named(
            "content_block_start", index=0, content_block={**THINKING, "thinking": ""}
        ),
        *(
            named("content_block_delta", index=0, delta=said)
            for said in (
                {"type": "thinking_delta", "thinking": "Hm."},
                {"type": "signature_delta", "signature": "c2lnbmVk"},
            )
        ),
        named("content_block_stop", index=0),
        named("content_block_start", index=1, content_block=block),
        *(
            named(
                "content_block_delta", index=1, delta={"type": "text_delta", "text": t}
            )
            for t in ("Hello", " there", "!")
        ),
        named("content_block_stop", index=1),
        named("debug", where=CANARY),
    ]
    if ends:
        delta_ = {"stop_reason": "end_turn", "stop_sequence": None}
        told = {"usage": {"output_tokens": 42}} if usage else {}
        pieces += [
            named("message_delta", delta=delta_, **told),
            named("message_stop"),
        ]
    return events(*pieces)


def response_stream(*, usage: bool = True, ends: bool = True) -> Script:
    begun = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    open_item = {**ITEM, "status": "in_progress", "content": []}
    said: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": open_item}),
        ("response.content_part.added", {**at, "part": part}),
        *(
            ("response.output_text.delta", {**at, "delta": text, "logprobs": []})
            for text in ("Hello", " there", "!")
        ),
        ("response.output_text.done", {**at, "text": "Hello there!", "logprobs": []}),
        ("response.content_part.done", {**at, "part": ITEM["content"][0]}),
        ("response.output_item.done", {"output_index": 0, "item": ITEM}),
        ("response.debug", {"where": CANARY}),
    ]
    if ends:
        end = RESPONSE if usage else {**RESPONSE, "usage": None}
        said.append(("response.completed", {"response": end}))
    return events(
        *(named(kind, sequence_number=n, **f) for n, (kind, f) in enumerate(said))
    )


@pytest.fixture
def ada(customer: Callable[..., Customer]) -> Customer:
    return customer(features=PRO)


def claude(ada: Customer) -> anthropic.Anthropic:
    url = ada.url.removesuffix("/v1")
    return anthropic.Anthropic(base_url=url, api_key=ada.secret, max_retries=0)


def test_a_message_reaches_a_server_that_speaks_messages_as_it_was_sent(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    upstream.scripts["native"] = whole(MESSAGE)
    offer(upstream, "native", slug="public", **SPEAKS)
    system: Any = [
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}
    ]

    answer = claude(ada).messages.create(
        model="public",
        max_tokens=5000,
        messages=HELLO,
        system=system,
        thinking={"type": "enabled", "budget_tokens": 1024},
        service_tier="auto",
    )

    asked = upstream.requests[-1]
    assert asked["path"] == "/v1/messages"
    assert asked["headers"]["anthropic-version"] == "2023-06-01"
    assert asked["payload"] == {
        "model": "native",
        # The model's longest, which is what was held for.
        "max_tokens": 1000,
        "messages": HELLO,
        "system": system,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    thinking, text = answer.content
    assert (thinking.type, text.type) == ("thinking", "text")
    assert thinking.signature == "c2lnbmVk"  # type: ignore[union-attr]
    assert answer.model == "public"
    assert answer.id != "msg_upstream"
    assert answer.usage.cache_read_input_tokens == 500


def test_a_response_reaches_a_server_that_speaks_responses_with_what_was_before(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    storing.set_choice(ada.organisation, days=1, by=ada.user)
    upstream.scripts["native"] = whole(RESPONSE)
    offer(upstream, "native", slug="public", **SPEAKS)

    first = ada.client.responses.create(model="public", input="Say hello.")
    second = ada.client.responses.create(
        model="public", input="Again.", previous_response_id=first.id, stream=False
    )

    asked = upstream.requests[-1]
    assert asked["path"] == "/v1/responses"
    payload = asked["payload"]
    assert (payload["store"], payload["max_output_tokens"]) == (False, 1000)
    assert "previous_response_id" not in payload
    assert [item["role"] for item in payload["input"]] == ["user", "assistant", "user"]
    assert second.output_text == "Hello there!"
    assert ada.client.responses.retrieve(second.id).output_text == "Hello there!"


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("told", [True, False], ids=["told", "estimated"])
def test_one_conversation_costs_the_same_by_three_roads_and_in_every_dialect(
    ada: Customer, offer: Any, upstream: Upstream, is_stream: bool, told: bool
) -> None:
    message = {"role": "assistant", "content": "Hello there!", "reasoning": "Hm."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"usage": CHAT_USAGE} if told else {}
    last = b"data: " + orjson.dumps({"choices": [], **usage}) + b"\n\n"
    said = {"content": "Hello there!", "reasoning": "Hm."}
    reasoning = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
    }
    if is_stream:
        chat = events(delta(**said), delta("stop"), *([last] if told else []), DONE)
        own, response = message_stream(usage=told), response_stream(usage=told)
    else:
        chat = whole({"choices": [choice], **usage})
        own = whole(MESSAGE if told else {**MESSAGE, "usage": None})
        output = [reasoning, ITEM]
        response = whole(
            {**RESPONSE, "output": output, **({} if told else {"usage": None})}
        )
    roads: dict[str, Any] = {
        "/chat/completions": ({"messages": HELLO, "max_tokens": 50}, chat),
        "/messages": ({"messages": HELLO, "max_tokens": 50}, own),
        "/responses": ({"input": HELLO, "max_output_tokens": 50}, response),
    }
    offer(upstream, "translated")
    offer(upstream, "native", **SPEAKS)

    for road, (asked, script) in roads.items():
        for model in ("translated", "native"):
            upstream.scripts[model] = chat if model == "translated" else script
            answer = ada.post(road, json={"model": model, "stream": is_stream, **asked})
            assert answer.status_code == 200, answer.text
            assert "Hello" in answer.text

    rows = recorded(6)
    assert {row.status for row in rows} == {UsageEvent.Status.OK}
    assert {row.is_estimated for row in rows} == {not told}
    if told:
        counts = {(row.tokens_in, row.tokens_cached, row.tokens_out) for row in rows}
        assert counts == {(900, 500, 42)}
        # 400 and 500 cached at half of a thousand, 42 at two thousand nano.
        assert {row.price_nano for row in rows} == {400_000 + 250_000 + 84_000}
    paths = [request["path"] for request in upstream.requests]
    assert paths == [
        *(["/v1/chat/completions"] * 2),
        *("/v1/chat/completions", "/v1/messages"),
        *("/v1/chat/completions", "/v1/responses"),
    ]


def test_streams_in_their_own_words_keep_order_signatures_and_numbers(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    upstream.scripts["native"] = message_stream()
    offer(upstream, "native", **SPEAKS)

    with claude(ada).messages.stream(
        model="native", max_tokens=50, messages=HELLO
    ) as stream:
        answer = stream.get_final_message()
    upstream.scripts["native"] = response_stream()
    with ada.client.responses.stream(model="native", input="Hi") as responses:
        numbers = [event.sequence_number for event in responses]
        final = responses.get_final_response()

    assert answer.content[0].signature == "c2lnbmVk"  # type: ignore[union-attr]
    assert answer.content[1].text == "Hello there!"  # type: ignore[union-attr]
    assert (answer.usage.output_tokens, answer.usage.input_tokens) == (42, 400)
    assert numbers == sorted(numbers)
    assert final.output_text == "Hello there!"
    assert final.usage is not None
    assert final.usage.total_tokens == 942


@pytest.mark.parametrize("road", ["/messages", "/responses"])
@pytest.mark.parametrize("is_stream", [True, False])
def test_nothing_of_the_upstream_but_the_models_words_comes_out(
    ada: Customer, offer: Any, upstream: Upstream, road: str, is_stream: bool
) -> None:
    whole_ = MESSAGE if road == "/messages" else RESPONSE
    stream = message_stream() if road == "/messages" else response_stream()
    script = stream if is_stream else whole({**whole_, "timings": SECRET})
    script = Script(script.body, 200, {**script.headers, "x-where": CANARY})
    upstream.scripts["secret-internal-name"] = script
    offer(upstream, "secret-internal-name", slug="public", **SPEAKS)
    name = "messages" if road == "/messages" else "input"

    answer = ada.post(
        road,
        json={"model": "public", name: HELLO, "stream": is_stream}
        | ({"max_tokens": 9} if road == "/messages" else {}),
    )

    heard = f"{answer.headers} {answer.text}"
    assert answer.status_code == 200
    assert "Hello" in heard
    assert not re.search(r"10\.0\.0\.7|upstreamsecret|secret-internal|_upstream", heard)


@pytest.mark.parametrize("road", ["/messages", "/responses"])
@pytest.mark.parametrize("is_stream", [True, False])
def test_a_key_that_a_model_repeats_is_not_told_on(
    ada: Customer, offer: Any, upstream: Upstream, road: str, is_stream: bool
) -> None:
    stream = message_stream() if road == "/messages" else response_stream()
    script = (
        stream if is_stream else whole(MESSAGE if road == "/messages" else RESPONSE)
    )
    said = [
        piece.replace(b"Hello", SECRET.encode()) if isinstance(piece, bytes) else piece
        for piece in script.body
    ]
    upstream.scripts["native"] = Script(said, 200, script.headers)
    offer(upstream, "native", credential=encrypt(SECRET), **SPEAKS)
    name = "messages" if road == "/messages" else "input"

    answer = ada.post(
        road,
        json={"model": "native", name: HELLO, "stream": is_stream}
        | ({"max_tokens": 9} if road == "/messages" else {}),
    )

    assert answer.status_code == 200
    assert " there" in answer.text
    assert "upstreamsecret" not in answer.text


@pytest.mark.parametrize("road", ["/messages", "/responses"])
def test_an_error_in_the_middle_is_cleaned_and_ends_the_stream(
    ada: Customer, offer: Any, upstream: Upstream, road: str
) -> None:
    broken = (
        message_stream(ends=False)
        if road == "/messages"
        else (response_stream(ends=False))
    )
    error = {"type": "overloaded_error", "message": f"died at {CANARY} key {SECRET}"}
    late = named("error", error=error, sequence_number=99)
    upstream.scripts["native"] = events(*broken.body, 0.05, late)
    offer(upstream, "native", **SPEAKS)
    name = "messages" if road == "/messages" else "input"

    answer = ada.post(
        road,
        json={"model": "native", name: HELLO, "stream": True}
        | ({"max_tokens": 9} if road == "/messages" else {}),
    )

    assert "broke off" in answer.text
    assert not re.search(r"10\.0\.0\.7|upstreamsecret", answer.text)
    (row,) = recorded()
    assert row.status == UsageEvent.Status.FAILED_MID_STREAM
    assert row.price_nano > 0


def test_a_place_that_speaks_only_chat_takes_over_in_the_same_words(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    upstream.scripts["native"] = events(
        delta(content="Hello there!"), delta("stop"), usage_event(), DONE
    )
    with running_upstream() as first:
        first.refusals = [500, 500, 500]
        model = offer(first, "native", others=[upstream.url], **SPEAKS)
        chat_only = model.deployments.get(base_url=upstream.url)
        chat_only.options = {}
        chat_only.save()
        with claude(ada).messages.stream(
            model="native", max_tokens=50, messages=HELLO
        ) as stream:
            answer = stream.get_final_message()

        assert first.requests[0]["path"] == "/v1/messages"
    assert upstream.requests[0]["path"] == "/v1/chat/completions"
    assert answer.content[0].text == "Hello there!"  # type: ignore[union-attr]


def test_an_answer_that_was_replayed_is_not_worded_twice(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    upstream.scripts["native"] = whole(MESSAGE)
    offer(upstream, "native", **SPEAKS)
    body = {"model": "native", "max_tokens": 9, "messages": HELLO}
    key = {"idempotency-key": "once"}

    first, again = (ada.post("/messages", json=body, headers=key) for _ in range(2))

    assert again.headers["idempotency-replayed"] == "true"
    assert first.json() == again.json()
    assert len(recorded()) == 1


@pytest.mark.parametrize(
    "broken",
    [
        whole({"type": "message", "usage": MESSAGE_USAGE}),
        whole({"choices": [], "usage": CHAT_USAGE}),
        whole([1]),
    ],
)
def test_what_is_no_message_is_bought_once_and_told_as_an_error(
    ada: Customer, offer: Any, upstream: Upstream, broken: Script
) -> None:
    upstream.scripts["native"] = broken
    offer(upstream, "native", **SPEAKS)

    answer = ada.post(
        "/messages", json={"model": "native", "max_tokens": 9, "messages": HELLO}
    )

    assert answer.status_code == 502
    assert answer.json()["error"]["type"] == "api_error"
    assert len(upstream.requests) == 1
