"""What the scanner passes on, byte by byte."""

import json
from typing import Any

import pytest

from inference.protocol.answers import Envelope
from inference.protocol.metering import UsageBounds
from inference.protocol.scanning import StreamScanner
from inference.providers.base import StreamBroke

DONE = b"data: [DONE]\n\n"
BOUNDS = UsageBounds(
    estimated_in=7,
    most_in=1000,
    most_out=100,
    answers=1,
    prompts=1,
    bytes_per_token=4.0,
)
HEAD = (
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"public",'
)


def event(content: str | None = "x", **extra: Any) -> bytes:
    choices = [] if content is None else [{"index": 0, "delta": {"content": content}}]
    body = {"id": "1", "model": "up", "choices": choices, **extra}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def ours(content: str, tail: bytes = b"") -> bytes:
    """Return an event as the caller gets it: the model's bytes, around them ours."""
    choices = [{"index": 0, "delta": {"content": content}}]
    written = json.dumps(choices, ensure_ascii=False).encode()
    return b"data: " + HEAD + b'"choices":' + written + tail + b"}\n\n"


def scan(data: bytes, size: int, **options: Any) -> tuple[bytes, StreamScanner]:
    """Feed ``data`` in pieces of ``size`` bytes."""
    envelope = Envelope("chat/completions", "req_1", "public", 5, is_stream=True)
    scanner = StreamScanner(envelope, BOUNDS, **options)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    out = b"".join(scanner.feed(piece) for piece in pieces)
    return out + scanner.finish(), scanner


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_cut_gives_the_same_events_and_counts(size: int, end: bytes) -> None:
    data = b"".join([event("你好"), b": note\n\n", event("\U0001f600\u2028"), DONE])
    data = data.replace(b"\n", end)

    out, scanner = scan(data, size)

    assert out == ours("你好") + ours("\U0001f600\u2028") + DONE
    assert scanner.counted.tokens(BOUNDS).completion == 4
    assert scanner.counted.is_done


@pytest.mark.parametrize("size", [1, 2, 3, 10_000])
@pytest.mark.parametrize("blank", [b"\n\r\n", b"\r\n\n", b"\n\r", b"\r\r\n"])
def test_lines_of_one_stream_may_end_in_different_ways(size: int, blank: bytes) -> None:
    data = b"".join([event("a"), event("b"), DONE]).replace(b"\n\n", blank)

    out, scanner = scan(data, size)

    assert out == ours("a") + ours("b") + DONE
    assert scanner.counted.is_done


def test_text_that_looks_like_framing_is_one_event() -> None:
    text = 'data: [DONE] "usage": {} "error" \n\ndata: "model": "up" "choices": [{'

    out, scanner = scan(event(text) + DONE, 9)

    assert out == ours(text) + DONE
    assert scanner.counted.usage is None
    assert scanner.counted.error is None


def test_what_the_model_wrote_keeps_its_bytes_and_nothing_else_comes_through() -> None:
    written = (
        b'[ {"index":0, "delta":{"content":"T","annotations":[{"type":"car",'
        b'"model":"T-1000","choices":[1]}]},"logprobs":{"x":-Infinity,"y":1e400,'
        b'"z":123456789012345678901234567890}} ]'
    )
    data = (
        b'data: {"system_fingerprint":"b1-abc","model":"secret","choices": '
        + written
        + b',"timings":{"host":"http://10.0.0.7"},"x":[{"choices":[2]}]}\n\n'
    )

    out, _ = scan(data + DONE, 31)

    assert out == b"data: " + HEAD + b'"choices":' + written + b"}\n\n" + DONE


def test_a_name_told_twice_hides_nothing_between() -> None:
    data = b'data: {"t":1,"choices":[{"index":0}],"t":"10.0.0.7","choices":[{}]}\n\n'

    out, _ = scan(data, 50)

    assert out == b"data: " + HEAD + b'"choices":[{"index":0}]}\n\n'


@pytest.mark.parametrize(
    "tail", [b"", b',"usage":null', b' , "usage" : null ', b',"x":1']
)
def test_the_bytes_of_an_answer_are_found_wherever_it_stands(tail: bytes) -> None:
    written = b'[{"index":0,"delta":{"content":"a } \\" ] b"}}]'

    out, _ = scan(b'data: {"id":"choices","choices":' + written + tail + b"}\n\n", 9)

    assert out == b"data: " + HEAD + b'"choices":' + written + b"}\n\n"


def test_a_choice_is_left_with_what_the_protocol_knows() -> None:
    choice = {"index": 0, "delta": {"content": "x"}, "host": "http://10.0.0.7"}

    out, _ = scan(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n", 9)

    del choice["host"]
    assert json.loads(out[6:])["choices"] == [choice]


def test_usage_nobody_asked_for_is_taken_out() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "details": {"a": "}"}}
    data = event("hi", usage=usage) + event(None, usage=usage) + DONE

    out, scanner = scan(data, 11)

    assert out == ours("hi") + DONE
    assert scanner.counted.tokens(BOUNDS).completion == 2


def test_usage_that_was_asked_for_comes_once_and_last() -> None:
    usage = {"prompt_tokens": "3", "completion_tokens": 1.0, "extra": "http://x.test"}
    out, _ = scan(event("hi", usage=usage) + DONE, 5, wants_usage=True)

    events = [json.loads(part[6:]) for part in out.split(b"\n\n")[:-2]]

    assert events[0]["usage"] is None
    assert events[1]["choices"] == []
    assert events[1]["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 1,
        "total_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    assert out.endswith(DONE)


def test_an_upstream_without_usage_gets_the_estimate_that_is_billed() -> None:
    out, scanner = scan(event("word") * 3 + DONE, 50, wants_usage=True)

    told = json.loads(out.split(b"\n\n")[3][6:])["usage"]

    billed = scanner.counted.tokens(BOUNDS)
    assert (told["prompt_tokens"], told["completion_tokens"]) == (7, 3)
    assert (billed.prompt, billed.completion, billed.is_estimated) == (7, 3, True)


def test_what_was_written_after_a_running_total_is_added_to_it() -> None:
    total = {"prompt_tokens": 5, "completion_tokens": 1}
    data = event("a", usage=total) + event("sixteen letters!")

    _, scanner = scan(data, 8)

    tokens = scanner.counted.tokens(BOUNDS)
    assert (tokens.prompt, tokens.completion, tokens.is_estimated) == (5, 5, True)


def test_a_model_that_says_it_ends_is_given_the_sign_of_the_end() -> None:
    finish = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'

    whole, _ = scan(event("x") + finish, 20)
    half, scanner = scan(event("x"), 20)

    assert whole.endswith(DONE)
    assert DONE not in half
    assert not scanner.counted.is_whole


@pytest.mark.parametrize("no_end", ["", "null", "None", False, None])
def test_an_answer_that_goes_on_is_not_told_to_have_ended(no_end: Any) -> None:
    def choice(content: str, finish: Any) -> bytes:
        each = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
        return b"data: " + json.dumps({"choices": [each]}).encode() + b"\n\n"

    half, scanner = scan(choice("a", no_end) + choice("b", no_end), 50)
    whole, _ = scan(choice("a", no_end) + choice("b", "eos-token"), 50)

    assert not scanner.counted.is_whole
    assert DONE not in half
    events = [json.loads(event[6:]) for event in whole.split(b"\n\n")[:2]]
    ends = [event["choices"][0]["finish_reason"] for event in events]
    assert ends == [None, "stop"]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        # A running total, and an end that nobody filled in.
        ((11, 5), (0, 0)),
        # Each half where it was known.
        ((11, 0), (0, 5)),
        ((11, 1), (11, 5)),
    ],
)
def test_what_was_used_is_not_taken_back_by_a_later_zero(
    first: tuple[int, int], last: tuple[int, int]
) -> None:
    def usage(prompt: int, completion: int) -> dict[str, Any]:
        return {"prompt_tokens": prompt, "completion_tokens": completion}

    data = event("x", usage=usage(*first)) + event(None, usage=usage(*last)) + DONE

    tokens = scan(data, 50)[1].counted.tokens(BOUNDS)

    assert (tokens.prompt, tokens.completion, tokens.is_estimated) == (11, 5, False)


def test_of_several_answers_each_has_to_end() -> None:
    def choice(index: int, **more: Any) -> bytes:
        each = {"index": index, "delta": {"content": "x"}, **more}
        return b"data: " + json.dumps({"choices": [each]}).encode() + b"\n\n"

    one = choice(0) + choice(1) + choice(0, finish_reason="stop")

    assert not scan(one, 50)[1].counted.is_whole
    assert scan(one + choice(1, finish_reason="length"), 50)[1].counted.is_whole


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "died at http://10.0.0.7 with sk-secret"}},
        {"error": "died at http://10.0.0.7 with sk-secret"},
        {"object": "error", "message": "died at http://10.0.0.7 with sk-secret"},
        {"choices": [{"index": 0, "error": {"message": "http://10.0.0.7 sk-secret"}}]},
    ],
)
def test_an_error_in_a_stream_is_kept_here_and_nothing_after_it_passes(
    error: dict[str, Any],
) -> None:
    data = event("x") + b"data: " + json.dumps(error).encode() + b"\n\n"

    out, scanner = scan(data + event("later") + DONE, 17)

    assert out == ours("x")
    assert scanner.counted.error


@pytest.mark.parametrize("junk", [b"data: {half", b"data: 7", b"event: x", b"data:"])
def test_what_no_client_could_read_is_left_out(junk: bytes) -> None:
    out, _ = scan(event("x") + junk + b"\n\n" + DONE, 100)

    assert out == ours("x") + DONE


def test_an_event_without_an_end_is_no_stream() -> None:
    _, scanner = scan(b"", 1)

    for _ in range(16):
        assert scanner.feed(b"x" * 1_000_000) == b""

    with pytest.raises(StreamBroke):
        scanner.feed(b"x")
