"""Anthropic's SDK, unmodified, against a real gateway and a chat-only upstream."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest

from inference.usage.models import UsageEvent
from tests.fakes.upstream import DONE, Upstream, delta, events, usage_event
from tests.inference.gateway.conftest import HELLO, Customer, recorded

PRICE = 15_000
WEATHER: Any = {
    "name": "weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture
def ada(customer: Callable[..., Customer]) -> Customer:
    return customer()


@pytest.fixture
def claude(ada: Customer) -> Iterator[anthropic.Anthropic]:
    """The SDK as somebody uses it who only changes the address and the key."""
    with anthropic.Anthropic(
        base_url=ada.url.removesuffix("/v1"), api_key=ada.secret, max_retries=0
    ) as client:
        yield client


def test_a_message_is_answered_and_costs_what_a_chat_costs(
    claude: anthropic.Anthropic, ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    answer = claude.messages.create(model="plain", max_tokens=50, messages=HELLO)
    ada.client.chat.completions.create(model="plain", max_tokens=50, messages=HELLO)

    assert [block.to_dict()["text"] for block in answer.content] == ["Hello there!"]
    assert answer.stop_reason == "end_turn"
    assert answer.model == "plain"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (9, 3)
    message, chat = recorded(2)
    assert message.price_nano == chat.price_nano == PRICE
    assert message.tokens_in == chat.tokens_in


def test_a_message_is_streamed_to_the_same_end(
    claude: anthropic.Anthropic, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    with claude.messages.stream(model="plain", max_tokens=50, messages=HELLO) as stream:
        texts = list(stream.text_stream)
        answer = stream.get_final_message()

    assert texts == ["Hello", " there", "!"]
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (9, 3)
    (usage,) = recorded()
    assert (usage.status, usage.price_nano) == ("ok", PRICE)


def test_thoughts_text_and_tools_are_blocks_of_their_own(
    claude: anthropic.Anthropic, offer: Any, upstream: Upstream
) -> None:
    call = {"id": "call_1", "type": "function", "index": 0}
    upstream.scripts["agent"] = events(
        delta(role="assistant", content=""),
        delta(reasoning_content="Which "),
        delta(reasoning_content="city?"),
        delta(content="I look."),
        delta(tool_calls=[{**call, "function": {"name": "weather", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"ci'}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": 'ty":"上海"}'}}]),
        delta("tool_calls"),
        usage_event(),
        DONE,
    )
    offer(upstream, "agent")

    with claude.messages.stream(
        model="agent", max_tokens=50, messages=HELLO, tools=[WEATHER]
    ) as stream:
        answer = stream.get_final_message()

    blocks = [block.to_dict() for block in answer.content]
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use"]
    assert blocks[0]["thinking"] == "Which city?"
    assert blocks[2]["id"] == "call_1"
    assert blocks[2]["input"] == {"city": "上海"}
    assert answer.stop_reason == "tool_use"
    sent = upstream.requests[-1]["payload"]
    assert sent["tools"][0]["function"]["parameters"] == WEATHER["input_schema"]


def test_a_conversation_with_tools_and_pictures_reaches_the_upstream_as_a_chat(
    claude: anthropic.Anthropic, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", capabilities=["chat", "vision", "reasoning"])
    picture = base64.b64encode(b"png").decode()

    claude.messages.create(
        model="plain",
        max_tokens=50,
        system=[{"type": "text", "text": "Be brief."}],
        thinking={"type": "enabled", "budget_tokens": 1024},
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        tools=[WEATHER],
        stop_sequences=["END"],
        metadata={"user_id": "ada"},
        messages=[
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": ""},
                    {
                        "type": "tool_use",
                        "id": "t1",
                        "name": "weather",
                        "input": {"city": "上海"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "content": [
                            {"type": "text", "text": "Rain"},
                            {
                                "type": "image",
                                "source": {
                                    "type": "base64",
                                    "media_type": "image/png",
                                    "data": picture,
                                },
                            },
                        ],
                    },
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
    )

    sent = upstream.requests[-1]["payload"]
    assert [message["role"] for message in sent["messages"]] == [
        *("system", "user", "assistant", "tool", "user")
    ]
    system, _, assistant, result, shown = sent["messages"]
    assert system["content"] == "Be brief."
    assert assistant["tool_calls"][0]["function"]["arguments"] == '{"city":"上海"}'
    assert assistant["reasoning_content"] == "Hm."
    assert result == {"role": "tool", "tool_call_id": "t1", "content": "Rain"}
    assert shown["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
        {"type": "text", "text": "And now?"},
    ]
    assert sent["tool_choice"] == "required"
    assert sent["parallel_tool_calls"] is False
    assert sent["reasoning_effort"] == "low"
    assert (sent["stop"], sent["user"], sent["max_tokens"]) == (["END"], "ada", 50)


def test_how_hard_to_think_is_left_out_for_a_model_without_thoughts(
    claude: anthropic.Anthropic, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    claude.messages.create(
        model="plain",
        max_tokens=2000,
        thinking={"type": "enabled", "budget_tokens": 1024},
        messages=HELLO,
    )

    assert "reasoning_effort" not in upstream.requests[-1]["payload"]


@pytest.mark.parametrize(
    ("status", "raised", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.InternalServerError, "api_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (503, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_an_upstreams_refusal_raises_the_class_anthropic_itself_would(
    claude: anthropic.Anthropic,
    offer: Any,
    upstream: Upstream,
    status: int,
    raised: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    offer(upstream, f"status-{status}")

    with pytest.raises(raised) as caught:
        claude.messages.create(model=f"status-{status}", max_tokens=50, messages=HELLO)

    body: Any = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == kind
    assert caught.value.request_id == body["request_id"]
    assert body["request_id"].startswith("req_")
    assert recorded()[0].price_nano == 0


def test_a_prompt_that_is_too_long_is_told_in_the_words_clients_look_for(
    claude: anthropic.Anthropic, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", context_tokens=1000, max_output_tokens=500)

    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        claude.messages.create(
            model="plain",
            max_tokens=50,
            messages=[{"role": "user", "content": "word " * 5000}],
        )

    assert upstream.requests == []


def test_an_error_in_the_middle_is_an_event_that_the_sdk_raises(
    claude: anthropic.Anthropic, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "late-error")

    with (
        pytest.raises(anthropic.APIError, match="broke off") as caught,
        claude.messages.stream(
            model="late-error", max_tokens=50, messages=HELLO
        ) as stream,
    ):
        stream.get_final_message()

    assert "died" not in str(caught.value)
    assert recorded()[0].status == UsageEvent.Status.FAILED_MID_STREAM


def test_a_key_may_come_as_either_header(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    bearer = anthropic.Anthropic(
        base_url=ada.url.removesuffix("/v1"), auth_token=ada.secret, max_retries=0
    )
    stranger = anthropic.Anthropic(
        base_url=ada.url.removesuffix("/v1"), api_key="nothing", max_retries=0
    )

    with bearer, stranger:
        bearer.messages.create(model="plain", max_tokens=5, messages=HELLO)
        with pytest.raises(anthropic.AuthenticationError) as caught:
            stranger.messages.create(model="plain", max_tokens=5, messages=HELLO)

    body: Any = caught.value.body
    assert body["error"]["type"] == "authentication_error"


def test_an_empty_allowance_is_a_matter_of_billing_and_not_tried_again(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    poor = customer("eve", monthly_limit_nano=1)

    answer = poor.post(
        "/messages", json={"model": "plain", "max_tokens": 50, "messages": HELLO}
    )

    assert answer.status_code == 402
    assert answer.json()["error"]["type"] == "billing_error"
    assert answer.headers["x-should-retry"] == "false"


def test_tokens_are_counted_without_a_call(
    claude: anthropic.Anthropic, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    short = claude.messages.count_tokens(model="plain", messages=HELLO)
    long = claude.messages.count_tokens(
        model="plain", messages=HELLO, system="Be brief. " * 100, tools=[WEATHER]
    )

    assert 0 < short.input_tokens < 20
    assert long.input_tokens > short.input_tokens + 200
    assert upstream.requests == []
    assert not UsageEvent.objects.exists()


def test_a_field_is_refused_by_its_place_in_the_message(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    asked = {"model": "plain", "max_tokens": 5, "messages": HELLO}

    answer = ada.post("/messages", json={**asked, "tools": [{"type": "bash_20250124"}]})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("tools.0.type: ")


def test_models_are_listed_for_either_client(
    claude: anthropic.Anthropic, ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    theirs = claude.models.list()
    ours = ada.client.models.list()

    assert [(model.type, model.id) for model in theirs.data] == [("model", "plain")]
    assert theirs.data[0].created_at.year >= 2026
    assert claude.models.retrieve("plain").display_name == "plain"
    assert [(model.object, model.id) for model in ours.data] == [("model", "plain")]
