"""No answer of an upstream, however odd, breaks what reads it: each value in turn."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from inference.protocol.answers import Envelope
from inference.protocol.dialects import Messages, Responses
from inference.protocol.estimates import TextSize, add_choice
from inference.protocol.metering import UsageBounds, meter, usage_in
from inference.protocol.requests import Wording
from inference.protocol.scanning import StreamScanner
from inference.providers.wire import Unreadable, as_events, loads

BOUNDS = UsageBounds(
    estimated_in=7,
    most_in=1000,
    most_out=100,
    answers=1,
    prompts=1,
    bytes_per_token=4.0,
)
DEEP: list[Any] = []
for _ in range(300):
    DEEP = [DEEP]
# What stands in the place of every value, one at a time. Half a character, a number
# beyond 64 bits and one that is none are what the fast reader does not take.
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**30, float("nan"), "", "null", "x", "\ud83d"),
    *([], {}, [None], [[1]], {"a": [None]}, {"index": []}, DEEP),
)
MESSAGES = {
    "model": "m",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "x"}],
}
RESPONSES = {"model": "m", "input": "x"}

CHAT_EVENTS: tuple[dict[str, Any], ...] = (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "a"}}]},
    {
        "choices": [
            {
                "index": 0,
                "delta": {
                    "reasoning": "b",
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                },
                "logprobs": {"content": [{"token": "a", "logprob": -1.0}]},
                "content_filter_results": {"hate": {"severity": "safe"}},
            }
        ]
    },
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": 2}]},
    {
        "choices": [],
        "usage": {
            "prompt_tokens": 11,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
    },
)
MESSAGE_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {"usage": {"input_tokens": 11}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "a", "input": {"b": 1}},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
    },
    {"type": "message_stop"},
)
RESPONSE_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "response.created", "sequence_number": 0, "response": {"id": "r"}},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"type": "function_call", "name": "f"},
    },
    {"type": "response.output_text.delta", "output_index": 0, "delta": "a"},
    {"type": "response.output_item.done", "output_index": 0, "item": {"type": "x"}},
    {
        "type": "response.completed",
        "response": {
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [{"type": "message", "content": [{"type": "x", "text": "a"}]}],
            "usage": {"input_tokens": 11, "output_tokens": 5},
        },
    },
)
CHAT_ANSWER: dict[str, Any] = {
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "a"}],
                "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
                "audio": {"transcript": "t"},
            },
            "finish_reason": "stop",
            "content_filter_results": {"hate": {"severity": "safe"}},
        }
    ],
    "usage": {"prompt_tokens": 11, "completion_tokens": 5},
}
MESSAGE: dict[str, Any] = {
    "content": [{"type": "tool_use", "name": "f", "input": {"a": 1}}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 11, "output_tokens": 5},
}
RESPONSE: dict[str, Any] = RESPONSE_EVENTS[-1]["response"]


def places_in(value: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value inside another one."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for name, inner in items:
        yield (name,)
        for rest in places_in(inner):
            yield (name, *rest)


def variants(value: Any) -> Iterator[Any]:
    """Yield copies with one value replaced, by each odd one in turn."""
    for place in places_in(value):
        for odd in ODD:
            changed = copy.deepcopy(value)
            inner = changed
            for name in place[:-1]:
                inner = inner[name]
            inner[place[-1]] = odd
            yield changed


def envelope(*, is_stream: bool) -> Envelope:
    return Envelope("chat/completions", "req_1", "m", 5, is_stream=is_stream)


def chat_scanner() -> tuple[StreamScanner, Wording | None]:
    return StreamScanner(envelope(is_stream=True), BOUNDS, wants_usage=True), None


def wording_of(dialect: Any, body: dict[str, Any]) -> Wording:
    found = dialect.read(json.dumps({**body, "stream": True}).encode(), "req_1").wording
    assert found is not None
    return found  # type: ignore[no-any-return]


def scanner_of(
    dialect: Any, body: dict[str, Any], *, is_native: bool
) -> tuple[StreamScanner, Wording]:
    wording = wording_of(dialect, body)
    return (
        wording.scanner(envelope(is_stream=True), BOUNDS, is_native=is_native),
        wording,
    )


SCANNERS: dict[
    str, tuple[Callable[[], tuple[StreamScanner, Wording | None]], tuple[Any, ...]]
] = {
    "chat": (chat_scanner, CHAT_EVENTS),
    "messages of a chat": (
        lambda: scanner_of(Messages(), MESSAGES, is_native=False),
        CHAT_EVENTS,
    ),
    "responses of a chat": (
        lambda: scanner_of(Responses(), RESPONSES, is_native=False),
        CHAT_EVENTS,
    ),
    "messages": (
        lambda: scanner_of(Messages(), MESSAGES, is_native=True),
        MESSAGE_EVENTS,
    ),
    "responses": (
        lambda: scanner_of(Responses(), RESPONSES, is_native=True),
        RESPONSE_EVENTS,
    ),
}


@pytest.mark.parametrize("name", SCANNERS)
def test_a_stream_is_read_whatever_stands_in_it(name: str) -> None:
    begin, events = SCANNERS[name]

    for odd in variants(list(events)):
        scanner, wording = begin()
        told = b""
        for event in odd:
            told += scanner.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
        told += scanner.finish()
        if wording is not None:
            told = wording.events(told)
        tokens = scanner.counted.tokens(BOUNDS)

        assert 0 <= tokens.completion <= BOUNDS.most_out, odd
        assert 0 <= tokens.cached <= tokens.prompt <= BOUNDS.most_in, odd
        for line in told.split(b"\n"):
            if line.startswith(b"data: {"):
                loads(line[6:])


@pytest.mark.parametrize("kinds", [(), ("response.output_item.done",)])
def test_a_response_that_is_said_at_its_end_weighs_as_much(kinds: Any) -> None:
    text = "four" * 10
    item = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": text}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    end = {"type": "response.completed", "response": {"output": [item]}}

    def weighed(*events: dict[str, Any]) -> int:
        scanner, _wording = SCANNERS["responses"][0]()
        for event in events:
            scanner.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
        scanner.finish()
        return scanner.counted.tokens(BOUNDS).completion

    at_the_end = [event for event in (done,) if event["type"] in kinds]
    assert weighed(*at_the_end, end) == weighed(delta, *at_the_end, end) == 10


def test_a_whole_chat_is_read_whatever_stands_in_it() -> None:
    for odd in variants(CHAT_ANSWER):
        body = json.dumps(odd).encode()
        value = loads(body)
        try:
            written = envelope(is_stream=False).answer_of(body, value)
        except Unreadable:
            continue
        size = TextSize()
        for choice in value["choices"]:
            add_choice(size, choice)
        tokens = meter(usage_in(value), size, BOUNDS)
        whole = envelope(is_stream=False).enclose(written, tokens)

        assert loads(whole)["usage"]["completion_tokens"] == tokens.completion
        for dialect, asked in ((Messages(), MESSAGES), (Responses(), RESPONSES)):
            assert loads(wording_of(dialect, asked).whole(whole))
        with suppress(Unreadable):
            assert as_events(value).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("dialect", "asked", "answer"),
    [(Messages(), MESSAGES, MESSAGE), (Responses(), RESPONSES, RESPONSE)],
    ids=["messages", "responses"],
)
def test_a_whole_answer_in_other_words_is_read_whatever_stands_in_it(
    dialect: Any, asked: dict[str, Any], answer: dict[str, Any]
) -> None:
    for odd in variants(answer):
        body = json.dumps(odd).encode()
        value = loads(body)
        wording = wording_of(dialect, asked)
        try:
            tokens = meter(value.get("usage"), wording.native_size(value), BOUNDS)
            told = wording.native_whole(body, value, tokens)
        except Unreadable:
            continue

        assert loads(told)["usage"]["output_tokens"] == tokens.completion
