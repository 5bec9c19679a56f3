"""What a chat answers, in the words of other protocols."""

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.protocol.chunks import CallPiece, events_of
from inference.protocol.dialects import Messages, Responses
from inference.protocol.errors import APIError

REQUEST_ID = "req_0123456789abcdef0123456789abcdef"
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Say hello."}]
MESSAGE: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": HELLO}
RESPONSE: dict[str, Any] = {"model": "m", "input": "Say hello."}
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 3,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
DONE = b"data: [DONE]\n\n"


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
arguments = st.dictionaries(texts, st.one_of(st.integers(0, 9), texts), max_size=3)


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[bytes]]:
    """Draw a whole answer, and the events of a stream that says the same."""
    thought = draw(st.lists(texts, max_size=3))
    said = draw(st.lists(texts, max_size=4))
    calls = draw(st.lists(st.tuples(texts, arguments), max_size=3))
    finish = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    message: dict[str, Any] = {"role": "assistant", "content": "".join(said) or None}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if thought:
        message["reasoning_content"] = "".join(thought)
        deltas += [{"reasoning_content": piece} for piece in thought]
    deltas += [{"content": piece} for piece in said]
    if calls:
        message["tool_calls"] = []
    for index, (name, inputs) in enumerate(calls):
        written = json.dumps(inputs)
        whole = {"id": f"call_{index}", "type": "function"}
        function = {"name": name, "arguments": written}
        message["tool_calls"].append({**whole, "function": function})
        cut = draw(st.integers(0, len(written)))
        first = {"name": name, "arguments": written[:cut]}
        deltas.append({"tool_calls": [{**whole, "index": index, "function": first}]})
        rest = {"arguments": written[cut:]}
        deltas.append({"tool_calls": [{"index": index, "function": rest}]})
    choice = {"index": 0, "message": message, "finish_reason": finish}
    pieces: list[dict[str, Any]]
    pieces = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    pieces += [last, {"choices": [], "usage": USAGE}]
    written_events = [b"data: " + orjson.dumps(piece) + b"\n\n" for piece in pieces]
    return {"choices": [choice], "usage": USAGE}, [*written_events, DONE]


def told(stream: bytes) -> Iterator[dict[str, Any]]:
    for event in stream.split(b"\n\n"):
        if event.startswith(b"event: "):
            name, data = event.split(b"\n", 1)
            value = orjson.loads(data.removeprefix(b"data: "))
            assert value["type"] == name.removeprefix(b"event: ").decode()
            yield value


def joined_message(events: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Join a message's events as a client does, checking their order."""
    message: dict[str, Any] = {}
    opened: set[int] = set()
    written: dict[int, str] = {}
    for event in events:
        kind, index = event["type"], event.get("index", -1)
        if kind == "message_start":
            assert not message
            message = event["message"]
        elif kind == "content_block_start":
            assert not opened
            assert index == len(message["content"])
            opened.add(index)
            message["content"].append(event["content_block"])
        elif kind == "content_block_stop":
            opened.remove(index)
        elif kind == "content_block_delta":
            assert index in opened
            said = dict(event["delta"])
            part = said.pop("type")
            if part == "input_json_delta":
                written[index] = written.get(index, "") + said["partial_json"]
                continue
            for name, text in said.items():
                message["content"][index][name] += text
        elif kind == "message_delta":
            assert not opened
            message |= {**event["delta"], "usage": event["usage"]}
    for index, text in written.items():
        message["content"][index]["input"] = json.loads(text)
    return message


def joined_response(events: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Join a response's events as a client does, checking numbers and ends."""
    output: list[dict[str, Any]] = []
    deltas: dict[str, str] = {}
    last: dict[str, Any] = {}
    for number, event in enumerate(events):
        assert event["sequence_number"] == number
        kind, last = event["type"], event
        if kind == "response.output_item.added":
            assert event["output_index"] == len(output)
            output.append(event["item"])
        elif kind.endswith(".delta"):
            place = f"{event['item_id']}.{event.get('content_index')}"
            deltas[place] = deltas.get(place, "") + event["delta"]
        elif kind in {"response.output_text.done", "response.reasoning_text.done"}:
            place = f"{event['item_id']}.{event['content_index']}"
            assert deltas.pop(place) == event["text"]
        elif kind == "response.function_call_arguments.done":
            assert deltas.pop(f"{event['item_id']}.None") == event["arguments"]
        elif kind == "response.output_item.done":
            output[event["output_index"]] = event["item"]
    assert not deltas
    assert last["response"]["output"] == output
    return last["response"]  # type: ignore[no-any-return]


@settings(max_examples=150)
@given(answers(), st.data())
def test_a_message_that_was_streamed_is_the_message_that_was_whole(
    answer: tuple[dict[str, Any], list[bytes]], data: st.DataObject
) -> None:
    whole, events = answer
    read = [Messages().read(orjson.dumps(MESSAGE), REQUEST_ID) for _ in range(2)]
    first, second = (request.wording for request in read)
    assert first is not None
    assert second is not None

    cut = data.draw(st.integers(0, len(events)))
    pieces = [b"".join(events[:cut]), b": keep-alive\n\n", *events[cut:]]
    streamed = b"".join(second.events(piece) for piece in pieces)

    expected = orjson.loads(first.whole(orjson.dumps(whole)))
    assert joined_message(told(streamed)) == expected
    assert second.has_ended


@settings(max_examples=150)
@given(answers(), st.data())
def test_a_response_that_was_streamed_is_the_response_that_was_whole(
    answer: tuple[dict[str, Any], list[bytes]], data: st.DataObject
) -> None:
    whole, events = answer
    body = orjson.dumps(RESPONSE)
    read = [Responses().read(body, REQUEST_ID) for _ in range(2)]
    first, second = (request.wording for request in read)
    assert first is not None
    assert second is not None

    cut = data.draw(st.integers(0, len(events)))
    pieces = [b"".join(events[:cut]), b": keep-alive\n\n", *events[cut:]]
    streamed = b"".join(second.events(piece) for piece in pieces)

    expected = orjson.loads(first.whole(orjson.dumps(whole)))
    joined = joined_response(told(streamed))
    assert joined | {"created_at": 0} == expected | {"created_at": 0}
    assert second.has_ended


def test_servers_that_number_every_call_the_first_are_told_apart() -> None:
    def call(name: str) -> bytes:
        function = {"name": name, "arguments": "{}"}
        piece = {"index": 0, "id": f"id-{name}", "function": function}
        choice = {"index": 0, "delta": {"tool_calls": [piece]}}
        return b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n"

    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    pieces = [call("a"), call("b"), end, DONE]
    message = Messages().read(orjson.dumps(MESSAGE), REQUEST_ID).wording
    response = Responses().read(orjson.dumps(RESPONSE), REQUEST_ID).wording
    assert message is not None
    assert response is not None

    one = joined_message(told(b"".join(map(message.events, pieces))))
    other = joined_response(told(b"".join(map(response.events, pieces))))

    assert [block["id"] for block in one["content"]] == ["id-a", "id-b"]
    assert one["stop_reason"] == "tool_use"
    assert [item["call_id"] for item in other["output"]] == ["id-a", "id-b"]
    assert [item["arguments"] for item in other["output"]] == ["{}", "{}"]


def test_a_call_without_an_id_gets_one() -> None:
    function = {"name": "f", "arguments": "{}"}
    choice = {"index": 0, "message": {"tool_calls": [{"function": function}]}}
    body = orjson.dumps({"choices": [choice], "usage": USAGE})
    message = Messages().read(orjson.dumps(MESSAGE), REQUEST_ID).wording
    response = Responses().read(orjson.dumps(RESPONSE), REQUEST_ID).wording
    assert message is not None
    assert response is not None

    (block,) = orjson.loads(message.whole(body))["content"]
    (item,) = orjson.loads(response.whole(body))["output"]

    assert block["id"].startswith("toolu_")
    assert item["call_id"].startswith("call_")


def test_usage_is_told_in_the_words_of_each_road() -> None:
    body = orjson.dumps({"choices": [], "usage": USAGE})
    message = Messages().read(orjson.dumps(MESSAGE), REQUEST_ID).wording
    response = Responses().read(orjson.dumps(RESPONSE), REQUEST_ID).wording
    assert message is not None
    assert response is not None

    assert orjson.loads(message.whole(body))["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 3,
        "output_tokens_details": {"thinking_tokens": 1},
    }
    assert orjson.loads(response.whole(body))["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 12,
    }


def test_the_sequence_that_ended_an_answer_is_named() -> None:
    choice = {
        "index": 0,
        "message": {"content": "a"},
        "finish_reason": "stop",
        "stop_reason": "END",
    }
    body = orjson.dumps({"choices": [choice], "usage": USAGE})
    wording = Messages().read(orjson.dumps(MESSAGE), REQUEST_ID).wording
    assert wording is not None

    message = orjson.loads(wording.whole(body))

    assert (message["stop_reason"], message["stop_sequence"]) == (
        *("stop_sequence", "END"),
    )


def test_several_lines_of_one_event_are_read_as_one() -> None:
    event = b'data: {"choices":\n[{"delta":{"tool_calls":[{"function":\n{}}]}}]}\n\n'

    (read,) = events_of(event)

    assert read.said is not None
    assert read.said.calls == (CallPiece(0, "", "", ""),)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (APIError(400, "x"), 400, "invalid_request_error"),
        (APIError(401, "x"), 401, "authentication_error"),
        (APIError(403, "x"), 403, "permission_error"),
        (APIError(404, "x"), 404, "not_found_error"),
        (APIError(405, "x"), 405, "invalid_request_error"),
        (APIError(408, "x"), 408, "invalid_request_error"),
        (APIError(413, "x"), 413, "request_too_large"),
        (APIError(429, "x", code="rate_limit_exceeded"), 429, "rate_limit_error"),
        (APIError(429, "x", code="insufficient_quota"), 402, "billing_error"),
        (APIError(500, "x"), 500, "api_error"),
        (APIError(502, "x"), 502, "api_error"),
        (APIError(503, "x"), 529, "overloaded_error"),
        (APIError(504, "x"), 504, "timeout_error"),
    ],
)
def test_each_refusal_has_anthropics_type_and_status(
    error: APIError, status: int, kind: str
) -> None:
    messages = Messages()

    assert messages.status_of(error) == status
    assert orjson.loads(messages.refusal(error, REQUEST_ID)) == {
        "type": "error",
        "error": {"type": kind, "message": "x"},
        "request_id": REQUEST_ID,
    }
