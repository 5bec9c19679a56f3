"""No value of any JSON field is an error of ours: REST and the gateway."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import orjson
import pytest
from django.test import Client

from core import documents
from inference.protocol import dialects, requests
from inference.protocol.errors import APIError
from operations.schema import describe
from tests.sweep.values import BODIES, JSON
from tests.sweep.world import Address, Sweep, forget_limits

pytestmark = pytest.mark.sweep

PLAUSIBLE = {
    "title": "How do I begin?",
    "text": "Tell me.",
    "category": "general",
    "kind": "question",
    "tags": ["one"],
    "client_token": "x",
    "value": 1,
    "name": "CI",
    "allowed_models": [],
    "monthly_limit_nano": 1,
    "expires_at": "2199-01-01T00:00:00Z",
    "is_service": False,
    "project": None,
    "scopes": [],
    "networks": ["10.0.0.0/8"],
    "origins": ["https://example.com"],
    "hidden_data": ["email"],
    "requests_per_minute": 1,
    "tokens_per_minute": 1,
    "concurrent_requests": 1,
    "cache_seconds": 1,
    "reason": "A typing error.",
    "version": "",
    "is_locked": False,
    "is_pinned": False,
    "level": "watching",
    "note": "For Monday",
    "remind_at": "2199-01-01T00:00:00Z",
    "into": 1,
    "target": "organisation",
    "limit_nano": 1,
    "cap_nano": 1,
    "is_hard": True,
    "numbers": [2],
    "slug": "news",
    "name_zh": "公告",
    "description": "What is new",
    "description_zh": "",
    "position": 3,
    "visibility": "public",
    "topics_by": "team",
    "replies_by": "members",
    "outcome": "agreed",
    "until": "2199-01-01T00:00:00Z",
    "people": ["owner"],
    "state": "planned",
    "word": "In May.",
    "kinds": ["question"],
    "text_zh": "### 版本",
    "pinned_days": 1,
    "pinned_until": "2199-01-01T00:00:00Z",
    "poll": {"question": "Which?", "options": ["Dark", "Light"]},
    "question": "Which?",
    "options": ["Dark", "Light"],
    "most_choices": 1,
    "is_anonymous": True,
    "results": "always",
    "ends_at": "2199-01-01T00:00:00Z",
    "key": "win_back",
    "purpose": "Who helps buys.",
    "segment": None,
    "moment": "third_answer",
    "goal": "payment",
    "holdout_percent": 20,
    "starts_on": "2026-03-01",
    "ends_on": "2026-03-31",
    "steps": [{"kind": "offer", "offer": "talk", "surface": "console"}],
}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:,x", "detail": "low"}}
CHAT: dict[str, Any] = {
    "model": "tiny",
    "messages": [
        {"role": "system", "content": "Be brief.", "name": "x"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, PICTURE]},
        {"role": "assistant", "tool_calls": [TOOL], "refusal": None},
        {"role": "tool", "tool_call_id": "x", "content": "42"},
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
    "n": 1,
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "max_tokens": 5,
    "max_completion_tokens": 5,
    "stop": ["a"],
    "seed": 7,
    "tools": [TOOL],
    "functions": [{"name": "f"}],
    "tool_choice": "auto",
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 2,
    "response_format": {"type": "json_object"},
    "user": "x",
    "metadata": {"a": "b"},
}
REQUESTS: dict[str, dict[str, Any]] = {
    requests.CHAT: CHAT,
    requests.COMPLETIONS: {
        "model": "tiny",
        "prompt": ["Hi"],
        "stop": "a",
        "echo": False,
    },
    requests.EMBEDDINGS: {
        "model": "tiny",
        "input": [[1, 2]],
        "encoding_format": "float",
    },
}

BASE64 = {"type": "base64", "media_type": "image/png", "data": "eA=="}
CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": ""}
MESSAGE: dict[str, Any] = {
    "model": "tiny",
    "max_tokens": 5,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "x"}}],
    "messages": [
        {"role": "user", "content": [{"type": "image", "source": BASE64}]},
        {"role": "assistant", "content": [THOUGHT, CALL]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "is_error": False,
                    "content": [{"type": "text", "text": "42"}],
                },
                {"type": "document", "title": "T", "source": BASE64},
            ],
        },
    ],
    "tools": [{"name": "f", "description": "x", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
    "stop_sequences": ["a"],
    "metadata": {"user_id": "x"},
    "temperature": 1,
    "top_p": 1,
    "top_k": 1,
    "stream": True,
}
RESPONSE: dict[str, Any] = {
    "model": "tiny",
    "instructions": "Be brief.",
    "input": [
        {"role": "developer", "content": [{"type": "input_text", "text": "x"}]},
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "data:,x", "detail": "low"},
                {"type": "input_file", "file_data": "data:,x", "filename": "x"},
                {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "x"}],
            "content": [{"type": "reasoning_text", "text": "x"}],
        },
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x"},
        {"type": "function_call_output", "call_id": "a", "output": "42"},
        {
            "type": "custom_tool_call_output",
            "call_id": "b",
            "output": [{"type": "input_text", "text": "x"}],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "x"}],
        },
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": {}, "strict": True},
        {
            "type": "custom",
            "name": "g",
            "description": "x",
            "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
        },
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "f"}],
    },
    "text": {
        "verbosity": "low",
        "format": {"type": "json_schema", "name": "x", "schema": {}, "strict": True},
    },
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["message.output_text.logprobs"],
    "top_logprobs": 2,
    "max_output_tokens": 5,
    "parallel_tool_calls": True,
    "metadata": {"a": "b"},
    "truncation": "auto",
    "store": False,
    "stream": True,
    "temperature": 1,
    "top_p": 1,
    "user": "x",
}
TRANSLATED = [
    pytest.param(dialects.Messages(), MESSAGE, id="messages"),
    pytest.param(dialects.Responses(), RESPONSE, id="responses"),
]


def every_change(value: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield copies of a document with one place changed, and where that is."""
    for path in paths(value):
        for odd in JSON:
            copy = deepcopy(value)
            place = copy
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = odd
            yield path, copy


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in list(inside):
        yield (*here, name)
        if isinstance(part, dict | list):
            yield from paths(part, (*here, name))


def bodies_of_the_api() -> Iterator[tuple[str, str, list[str]]]:
    """Yield (method, path, fields) of every operation that takes a body."""
    schema = describe()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody")
            if body is None:
                continue
            content = body["content"]["application/json"]["schema"]["$ref"]
            component = schema["components"]["schemas"][content.rpartition("/")[2]]
            yield method.upper(), path, list(component["properties"])


@pytest.mark.django_db
def test_no_field_of_the_rest_api_is_an_error(
    addresses: list[Address], client_of: Callable[[str], Client]
) -> None:
    sweep = Sweep(client_of("owner"))
    operations = list(bodies_of_the_api())

    for method, path, fields in operations:
        head = path.partition("{")[0]
        tail = path.rpartition("}")[2]
        urls = [
            address.url
            for address in addresses
            if address.url.startswith(head)
            and address.url.endswith(tail)
            and bool(address.parameters) == ("{" in path)
        ]
        assert urls, path
        body = {name: PLAUSIBLE[name] for name in fields}
        for place, odd in every_change(body):
            forget_limits()
            sweep.send(
                *(method, urls[0], str(place)),
                data=json.dumps(odd),
                content_type="application/json",
            )

    assert not sweep.faults, "\n".join(sweep.faults)
    assert len(operations) >= 4


def refusal_of(dialect: dialects.Dialect, body: bytes) -> str:
    """Return the field that is refused; nothing where the request is let in."""
    try:
        call = dialect.read(body, "req_1")
    except APIError as error:
        return f"{error.param}" if error.status == 400 else f"status {error.status}"
    # What was let in can be weighed, and written again for the upstream.
    return "" if call.size.estimate(4.0) and orjson.dumps(call.payload) else "empty"


@pytest.mark.parametrize("endpoint", REQUESTS)
def test_no_field_of_the_gateway_is_an_error(endpoint: str) -> None:
    refused = set()

    for _path, odd in every_change(REQUESTS[endpoint]):
        refused.add(refusal_of(dialects.OpenAI(endpoint), json.dumps(odd).encode()))

    assert refused >= {
        "",
        "model",
        "stop" if endpoint != requests.EMBEDDINGS else "input",
    }


@pytest.mark.parametrize(("dialect", "asked"), TRANSLATED)
def test_no_field_of_another_protocol_is_an_error(
    dialect: dialects.Dialect, asked: dict[str, Any]
) -> None:
    refused = set()

    for _path, odd in every_change(asked):
        refused.add(refusal_of(dialect, json.dumps(odd).encode()))

    assert not any(place.startswith(("status", "empty")) for place in refused)
    assert refused >= {"", "model", "tools", "stream"}


@pytest.mark.parametrize("endpoint", REQUESTS)
@pytest.mark.parametrize("body", BODIES)
def test_no_body_of_the_gateway_is_an_error(endpoint: str, body: bytes) -> None:
    measure = documents.Measure(documents.Bounds())

    def take() -> None:
        try:
            measure.feed(body)
        except documents.BadDocument as error:
            raise APIError(400, str(error)) from error
        requests.parse(endpoint, body)

    with pytest.raises(APIError) as caught:
        take()
    assert caught.value.status == 400
