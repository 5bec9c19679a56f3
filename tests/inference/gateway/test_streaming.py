"""What the scanner passes on, byte by byte."""

import json
from typing import Any

import pytest

from inference.gateway.streaming import StreamScanner
from inference.providers.base import StreamBroke

DONE = b"data: [DONE]\n\n"


def event(content: str | None = "x", **extra: Any) -> bytes:
    choices = [] if content is None else [{"index": 0, "delta": {"content": content}}]
    body = {"id": "1", "model": "up", "choices": choices, **extra}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def scan(data: bytes, size: int, **options: Any) -> tuple[bytes, StreamScanner]:
    """Feed ``data`` in pieces of ``size`` bytes."""
    scanner = StreamScanner(**{"wants_usage": False, **options})
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    out = b"".join(scanner.feed(piece) for piece in pieces)
    return out + scanner.finish(), scanner


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_cut_gives_the_same_bytes_and_counts(size: int, end: bytes) -> None:
    data = b"".join([event("你好"), b": note\n\n", event("\U0001f600\u2028"), DONE])
    data = data.replace(b"\n", end)

    out, scanner = scan(data, size)

    assert out == data
    counted = scanner.counted
    assert (counted.events, counted.deltas, counted.is_done) == (3, 2, True)


def test_text_that_looks_like_framing_is_one_delta() -> None:
    data = event('data: [DONE] "usage": {} "error" \n\ndata: "model": "up"') + DONE

    out, scanner = scan(data, 9)

    assert out == data
    assert scanner.counted.deltas == 1
    assert scanner.counted.usage is None
    assert scanner.counted.error is None


def test_usage_nobody_asked_for_is_taken_out_and_nothing_else() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "details": {"a": "}"}}
    with_choice = event("hi", usage=usage, big=2**70, later=[1])
    data = with_choice + event(None, usage=usage) + DONE

    out, scanner = scan(data, 11)

    dumped = json.dumps(usage).encode()
    assert out == with_choice.replace(dumped, b"null") + DONE
    assert scanner.counted.usage == usage


def test_usage_that_was_asked_for_comes_once_and_last() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    out, _ = scan(event("hi", usage=usage) + DONE, 5, wants_usage=True)

    events = [json.loads(part[6:]) for part in out.split(b"\n\n")[:-2]]

    assert events[0]["usage"] is None
    assert events[1]["choices"] == []
    assert events[1]["usage"] == usage
    assert out.endswith(DONE)


def test_an_upstream_without_usage_gets_the_estimate_that_is_billed() -> None:
    out, scanner = scan(event() * 3 + DONE, 50, wants_usage=True, estimated_in=7)

    told = json.loads(out.split(b"\n\n")[3][6:])["usage"]

    assert told == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert scanner.counted.usage is None


def test_the_upstreams_name_of_the_model_is_replaced_outside_of_text() -> None:
    text = 'say "model": "up"'

    out, _ = scan(event(text) + DONE, 13, model=b'"public"')

    body = json.loads(out.split(b"\n\n")[0][6:])
    assert body["model"] == "public"
    assert body["choices"][0]["delta"]["content"] == text


def test_an_event_without_an_end_is_no_stream() -> None:
    scanner = StreamScanner(wants_usage=False)

    for _ in range(16):
        assert scanner.feed(b"x" * 1_000_000) == b""

    with pytest.raises(StreamBroke):
        scanner.feed(b"x")
