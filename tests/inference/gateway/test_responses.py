"""OpenAI's Responses through the SDK, unmodified, before a chat-only upstream."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai.types.responses import ResponseStreamEvent

from inference.usage.models import UsageEvent
from tests.fakes.upstream import DONE, Upstream, delta, events, usage_event, whole
from tests.inference.gateway.conftest import HELLO, Customer, recorded

PRICE = 15_000
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
PATCH: Any = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Changes files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}


@pytest.fixture
def ada(customer: Callable[..., Customer]) -> Customer:
    return customer()


def streamed(ada: Customer, **asked: Any) -> tuple[list[ResponseStreamEvent], Any]:
    """Return the events of a stream and what the SDK made of them."""
    with ada.client.responses.stream(**asked) as stream:
        heard: Any = list(stream)
        return heard, stream.get_final_response()


def test_a_response_costs_what_a_chat_costs(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    answer = ada.client.responses.create(model="plain", input="Say hello.")
    ada.client.chat.completions.create(model="plain", messages=HELLO)

    assert answer.output_text == "Hello there!"
    assert answer.status == "completed"
    assert answer.model == "plain"
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (9, 3)
    response, chat = recorded(2)
    assert response.price_nano == chat.price_nano == PRICE
    first, second = (request["payload"] for request in upstream.requests)
    assert first == second


def test_a_response_is_streamed_with_numbered_events_to_the_same_end(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    heard, answer = streamed(ada, model="plain", input="Say hello.")

    assert [event.type for event in heard] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 3,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in heard] == list(range(len(heard)))
    assert answer.output_text == "Hello there!"
    assert answer.usage.total_tokens == 12
    (usage,) = recorded()
    assert (usage.status, usage.price_nano) == ("ok", PRICE)


def test_thoughts_text_and_calls_are_items_of_their_own(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    call = {"id": "call_1", "type": "function", "index": 0}
    patch = {"id": "call_2", "type": "function", "index": 1}
    upstream.scripts["agent"] = events(
        delta(role="assistant", content=""),
        delta(reasoning_content="Which "),
        delta(reasoning="city?"),
        delta(content="I look."),
        delta(tool_calls=[{**call, "function": {"name": "weather", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"city"'}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": ':"上海"}'}}]),
        delta(tool_calls=[{**patch, "function": {"name": "apply_patch"}}]),
        delta(tool_calls=[{"index": 1, "function": {"arguments": '{"input":"+a"}'}}]),
        delta("tool_calls"),
        usage_event(),
        DONE,
    )
    offer(upstream, "agent")

    heard, answer = streamed(
        ada, model="agent", input="Weather?", tools=[WEATHER, PATCH]
    )

    reasoning, message, weather, changed = answer.output
    assert reasoning.content[0].text == "Which city?"
    assert message.content[0].text == "I look."
    assert (weather.name, weather.call_id) == ("weather", "call_1")
    assert weather.arguments == '{"city":"上海"}'
    assert (changed.type, changed.call_id, changed.input) == (
        *("custom_tool_call", "call_2", "+a"),
    )
    kinds = [event.type for event in heard]
    assert kinds.count("response.function_call_arguments.delta") == 2
    assert kinds.count("response.custom_tool_call_input.done") == 1
    sent = upstream.requests[-1]["payload"]["tools"]
    assert sent[0]["function"]["name"] == "weather"
    assert "start: /.+/" in sent[1]["function"]["description"]


def test_a_session_in_the_shape_of_codex_is_understood(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", capabilities=["chat", "reasoning"])

    answer = ada.post(
        "/responses",
        json={
            "model": "plain",
            "instructions": "You are a coding agent.",
            "input": [
                {
                    "type": "message",
                    "role": "developer",
                    "content": [{"type": "input_text", "text": "Sandbox: on."}],
                },
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "List files."}],
                },
                {
                    "type": "reasoning",
                    "id": "rs_1",
                    "summary": [],
                    "content": [{"type": "reasoning_text", "text": "ls, then."}],
                    "encrypted_content": None,
                },
                {
                    "type": "function_call",
                    "name": "shell",
                    "arguments": '{"command":["ls"]}',
                    "call_id": "call_1",
                },
                {
                    "type": "custom_tool_call",
                    "name": "apply_patch",
                    "input": "+a",
                    "call_id": "call_2",
                },
                {
                    "type": "function_call_output",
                    "call_id": "call_1",
                    "output": "README.md",
                },
                {
                    "type": "custom_tool_call_output",
                    "call_id": "call_2",
                    "output": [{"type": "input_text", "text": "Done"}],
                },
            ],
            "tools": [{**WEATHER, "name": "shell"}, PATCH],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            "reasoning": {"effort": "medium", "summary": "auto"},
            "store": False,
            "stream": True,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "0191",
            "text": {"verbosity": "low"},
            "client_metadata": {"a": "b"},
        },
    )

    assert answer.status_code == 200
    assert answer.text.rstrip().endswith("}")
    sent = upstream.requests[-1]["payload"]
    assert sent["messages"] == [
        {"role": "system", "content": "You are a coding agent.\n\nSandbox: on."},
        {"role": "user", "content": "List files."},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "ls, then.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "shell", "arguments": '{"command":["ls"]}'},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {
                        "name": "apply_patch",
                        "arguments": '{"input":"+a"}',
                    },
                },
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "README.md"},
        {"role": "tool", "tool_call_id": "call_2", "content": "Done"},
    ]
    assert sent["reasoning_effort"] == "medium"
    assert "prompt_cache_key" not in sent


def test_the_shape_of_an_answer_is_asked_for_as_a_chat_asks(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    schema: Any = {"type": "object", "properties": {}}

    answer = ada.client.responses.create(
        model="plain",
        input="Say hello.",
        max_output_tokens=7,
        text={"format": {"type": "json_schema", "name": "greeting", "schema": schema}},
        metadata={"ticket": "7"},
    )

    sent = upstream.requests[-1]["payload"]
    assert sent["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "greeting", "schema": schema},
    }
    assert sent["max_tokens"] == 7
    assert "metadata" not in sent
    assert answer.metadata == {"ticket": "7"}
    assert answer.max_output_tokens == 7


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
@pytest.mark.parametrize("is_stream", [True, False])
def test_how_an_answer_ended_is_told_in_both_forms(
    ada: Customer,
    offer: Any,
    upstream: Upstream,
    finish: str,
    status: str,
    reason: str | None,
    is_stream: bool,
) -> None:
    message = {"role": "assistant", "content": "Hel"}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    upstream.scripts["short"] = (
        events(delta(content="Hel"), delta(finish), usage_event(), DONE)
        if is_stream
        else whole({"choices": [choice], "usage": {}})
    )
    offer(upstream, "short")

    if is_stream:
        heard: Any = list(
            ada.client.responses.create(model="short", input="Hi", stream=True)
        )
        answer = heard[-1].response
    else:
        answer = ada.client.responses.create(model="short", input="Hi")

    assert answer.status == status
    told = answer.incomplete_details
    assert (told.reason if told else None) == reason
    assert answer.output[0].status == status


def test_an_error_in_the_middle_fails_the_response(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "late-error")

    heard: Any = list(
        ada.client.responses.create(model="late-error", input="Hi", stream=True)
    )

    error, failed = heard[-2:]
    assert (error.type, error.code) == ("error", "upstream_error")
    assert (failed.type, failed.response.status) == ("response.failed", "failed")
    assert failed.response.error.code == "server_error"
    assert "died" not in failed.response.error.message
    assert recorded()[0].status == UsageEvent.Status.FAILED_MID_STREAM


@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ({"store": True}, "store", "storage_off"),
        (
            {"previous_response_id": "resp_1"},
            "previous_response_id",
            "previous_response_not_found",
        ),
        ({"background": True}, "background", "storage_off"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", None),
        ({"input": [{"role": "robot", "content": ""}]}, "input[0].role", None),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].image_url",
            None,
        ),
        ({"n_predict": 300}, "n_predict", None),
    ],
)
def test_what_is_not_served_is_refused_by_its_name(
    ada: Customer,
    offer: Any,
    upstream: Upstream,
    asked: dict[str, Any],
    param: str,
    code: str | None,
) -> None:
    offer(upstream, "plain")

    with pytest.raises(openai.BadRequestError) as caught:
        ada.client.responses.create(model="plain", input="Hi", extra_body=asked)

    assert caught.value.param == param
    assert caught.value.code == code
    assert upstream.requests == []


def test_a_capability_that_is_missing_names_the_input(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    picture: Any = {"type": "input_image", "detail": "low", "image_url": "data:,x"}

    with pytest.raises(openai.BadRequestError) as caught:
        ada.client.responses.create(
            model="plain", input=[{"role": "user", "content": [picture]}]
        )

    assert caught.value.code == "unsupported_capability"
    assert caught.value.param == "input"


def test_the_same_key_on_another_road_is_another_request(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    body = {"model": "plain", "input": "Hi"}
    key = {"idempotency-key": "once"}

    first = ada.post("/responses", json=body, headers=key)
    again = ada.post("/responses", json=body, headers=key)
    other = ada.post("/embeddings", json=body, headers=key)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["output"][0]["content"] == first.json()["output"][0]["content"]
    assert other.json()["error"]["code"] == "idempotency_key_reused"
    assert len(recorded()) == 1
