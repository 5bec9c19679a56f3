"""What other protocols ask, read as a chat."""

from typing import Any

import orjson
import pytest

from inference.protocol import requests
from inference.protocol.dialects import Messages, MessagesCount, Responses
from inference.protocol.errors import APIError
from inference.protocol.requests import CHAT

REQUEST_ID = "req_0123456789abcdef0123456789abcdef"
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Say hello."}]
MESSAGE: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": HELLO}
RESPONSE: dict[str, Any] = {"model": "m", "input": "Say hello."}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}


def chat_of_message(**change: Any) -> dict[str, Any]:
    body = orjson.dumps({**MESSAGE, **change})
    return Messages().read(body, REQUEST_ID).payload


def chat_of_response(**change: Any) -> dict[str, Any]:
    body = orjson.dumps({**RESPONSE, **change})
    return Responses().read(body, REQUEST_ID).payload


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{**HELLO[0], "name": "x"}]}, "messages[0].name"),
        (user({"text": "x"}), "messages[0].content[0].type"),
        (user({"type": "text"}), "messages[0].content[0].text"),
        (user({"type": "container_upload"}), "messages[0].content[0].type"),
        (user({"type": "image"}), "messages[0].content[0].source"),
        (
            user({"type": "image", "source": {"type": "file", "file_id": "x"}}),
            "messages[0].content[0].source.type",
        ),
        (
            user({"type": "image", "source": {"type": "base64", "data": "x"}}),
            "messages[0].content[0].source.media_type",
        ),
        (user({"type": "tool_result"}), "messages[0].content[0].tool_use_id"),
        (assistant({"type": "image"}), "messages[0].content[0].type"),
        (
            assistant({"type": "tool_use", "id": "a", "name": "f", "input": "x"}),
            "messages[0].content[0].input",
        ),
        ({"system": 5}, "system"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"temperature": 1.5}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"metadata": {"user": "x"}}, "metadata.user"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"type": "web_search_20250305"}]}, "tools[0].type"),
        ({"tools": [TOOL], "tool_choice": {"type": "x"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "hard"}}, "thinking.type"),
        ({"output_config": {"effort": "some"}}, "output_config.effort"),
        ({"mcp_servers": [{"url": "http://x"}]}, "mcp_servers"),
        ({"n": 5}, "n"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_wrong_field_of_a_message_is_refused_by_its_place(
    change: dict[str, Any], param: str
) -> None:
    with pytest.raises(APIError) as caught:
        chat_of_message(**change)

    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user", "content": None}]}, "input[0].content"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"type": "web_search_call"}]}, "input[0].type"),
        ({"input": [{"type": "function_call"}]}, "input[0].arguments"),
        (
            {"input": [{"type": "function_call_output", "output": "x"}]},
            "input[0].call_id",
        ),
        ({"instructions": ["x"]}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "mcp"}]}, "tools[0].type"),
        ({"tools": [{**FUNCTION, "run": 1}]}, "tools[0].run"),
        ({"tools": [FUNCTION], "tool_choice": "any"}, "tool_choice"),
        (
            {"tools": [FUNCTION], "tool_choice": {"type": "mcp"}},
            "tool_choice.type",
        ),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name"),
        ({"reasoning": {"effort": "wild"}}, "reasoning.effort"),
        ({"include": ["everything"]}, "include[0]"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"truncation": "middle"}, "truncation"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"max_tokens": 5}, "max_tokens"),
    ],
)
def test_a_wrong_field_of_a_response_is_refused_by_its_place(
    change: dict[str, Any], param: str
) -> None:
    with pytest.raises(APIError) as caught:
        chat_of_response(**change)

    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    ("blocks", "content"),
    [
        ([{"type": "text", "text": "a"}], "a"),
        (
            [{"type": "image", "source": {"type": "url", "url": "https://x/y"}}],
            [{"type": "image_url", "image_url": {"url": "https://x/y"}}],
        ),
        (
            [
                {
                    "type": "document",
                    "title": "T",
                    "source": {
                        "type": "base64",
                        "media_type": "application/pdf",
                        "data": "eA==",
                    },
                }
            ],
            [
                {
                    "type": "file",
                    "file": {
                        "filename": "T",
                        "file_data": "data:application/pdf;base64,eA==",
                    },
                }
            ],
        ),
        (
            [{"type": "document", "source": {"type": "text", "data": "a"}}],
            "document\na",
        ),
        (
            [
                {
                    "type": "search_result",
                    "title": "T",
                    "source": "S",
                    "content": [{"type": "text", "text": "a"}],
                }
            ],
            "T\nS\na",
        ),
        ([], ""),
    ],
)
def test_what_a_user_shows_is_shown_in_a_chat(blocks: Any, content: Any) -> None:
    (message,) = chat_of_message(**user(*blocks))["messages"]

    assert message == {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        (
            {"type": "tool", "name": "f"},
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        ),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            {"tool_choice": "auto", "parallel_tool_calls": False},
        ),
        (None, {}),
    ],
)
def test_how_tools_are_chosen_is_said_as_a_chat_says_it(
    choice: Any, chosen: dict[str, Any]
) -> None:
    chat = chat_of_message(tools=[TOOL], tool_choice=choice)

    names = ("tool_choice", "parallel_tool_calls")
    assert {name: chat[name] for name in names if name in chat} == chosen


@pytest.mark.parametrize(
    ("asked", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8192}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8193}}, "high"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "disabled"}}, None),
        ({"output_config": {"effort": "max"}}, "high"),
    ],
)
def test_how_much_to_think_is_one_of_three_words(
    asked: dict[str, Any], effort: str | None
) -> None:
    assert chat_of_message(**asked).get("reasoning_effort") == effort


def test_thoughts_of_an_earlier_turn_stay_behind() -> None:
    def thought(text: str) -> dict[str, Any]:
        block = {"type": "thinking", "thinking": text, "signature": ""}
        call = {"type": "tool_use", "id": text, "name": "f", "input": {}}
        return {"role": "assistant", "content": [block, call]}

    def result(call: str) -> dict[str, Any]:
        block = {"type": "tool_result", "tool_use_id": call, "content": "x"}
        return {"role": "user", "content": [block]}

    messages = [*HELLO, thought("old"), result("old"), *HELLO, thought("new")]
    chat = chat_of_message(messages=[*messages, result("new")])

    thoughts = [message.get("reasoning_content") for message in chat["messages"]]
    assert [thought for thought in thoughts if thought] == ["new"]


def test_only_the_tools_that_are_allowed_are_offered() -> None:
    chat = chat_of_response(
        tools=[FUNCTION, {**FUNCTION, "name": "g"}],
        tool_choice={
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "g"}],
        },
    )

    assert [tool["function"]["name"] for tool in chat["tools"]] == ["g"]
    assert chat["tool_choice"] == "required"


def test_what_tools_show_is_shown_after_all_their_results() -> None:
    picture = {"type": "input_image", "image_url": "data:,x"}
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output"}
    chat = chat_of_response(
        input=[
            {"role": "user", "content": "Look."},
            {**call, "call_id": "a"},
            {**call, "call_id": "b"},
            {**result, "call_id": "a", "output": [picture]},
            {**result, "call_id": "b", "output": "seen"},
            {"role": "user", "content": "And?"},
        ]
    )

    roles = [message["role"] for message in chat["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "user", "user"]
    assert chat["messages"][4]["content"][0]["type"] == "image_url"


def test_a_translated_request_is_one_that_a_chat_may_send() -> None:
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    chat = chat_of_message(
        messages=[*HELLO, {"role": "assistant", "content": [call]}],
        system="Be brief.",
        tools=[TOOL],
        stream=True,
    )

    assert requests.read(CHAT, chat).wants_usage


def test_only_what_is_read_is_counted() -> None:
    body = {"model": "m", "messages": HELLO}

    counted = MessagesCount().read(orjson.dumps(body), REQUEST_ID)

    assert counted.size.estimate(4.0) > 0
    with pytest.raises(APIError):
        MessagesCount().read(orjson.dumps({**body, "max_tokens": 5}), REQUEST_ID)
