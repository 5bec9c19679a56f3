"""Reading requests, and guessing what they weigh."""

from typing import Any

import orjson
import pytest

from inference.protocol.errors import APIError
from inference.protocol.requests import CHAT, COMPLETIONS, EMBEDDINGS, parse

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Say hello."}]
BODY: dict[str, Any] = {"model": "plain", "messages": HELLO}


def weight(text: str, **dumped: Any) -> int:
    """Return the estimate for one message, as a client would send it."""
    import json

    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": text}]}, **dumped
    )
    return parse(CHAT, body.encode()).size.estimate(4.0)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [*HELLO, {"role": "user", "content": 5}]}, "messages[1].content"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": True}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 1.5}, "n"),
        ({"stop": 7}, "stop"),
        ({"stop": ["a", 7]}, "stop"),
        ({"tools": {"a": 1}}, "tools"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        *(({"thinking_budget": wrong}, "thinking_budget") for wrong in (-1, True, "x")),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": True}, "stream_options"),
        (
            {"stream": True, "stream_options": {"include_usage": 1}},
            "stream_options.include_usage",
        ),
    ],
)
def test_a_wrong_type_is_400_and_names_the_parameter(
    change: dict[str, Any], param: str
) -> None:
    with pytest.raises(APIError) as caught:
        parse(CHAT, orjson.dumps({**BODY, **change}))

    assert (caught.value.status, caught.value.param) == (400, param)


def test_unknown_fields_are_kept() -> None:
    call = parse(CHAT, orjson.dumps({**BODY, "top_k": 7, "x": {"y": [1, None]}}))

    assert call.payload["top_k"] == 7
    assert call.payload["x"] == {"y": [1, None]}


def test_the_shorter_of_two_token_limits_holds() -> None:
    body = {**BODY, "max_tokens": 400, "max_completion_tokens": 1}

    assert parse(CHAT, orjson.dumps(body)).max_tokens == 1


def test_embeddings_are_never_streamed() -> None:
    call = parse(EMBEDDINGS, b'{"model":"m","input":["a"],"stream":true}')

    assert not call.is_stream
    with pytest.raises(APIError) as caught:
        parse(EMBEDDINGS, b'{"model":"m"}')
    assert caught.value.param == "input"
    with pytest.raises(APIError) as caught:
        parse(COMPLETIONS, b'{"model":"m","prompt":7}')
    assert caught.value.param == "prompt"


def test_chinese_is_about_one_token_a_character_however_it_is_written() -> None:
    text = "你好，世界。" * 100

    escaped = weight(text)
    plain = weight(text, ensure_ascii=False)

    assert abs(plain - escaped) <= 3
    assert 600 <= plain <= 640


def test_english_is_estimated_by_the_models_own_factor() -> None:
    assert 250 <= weight("abcd" * 250) <= 270


def test_pictures_weigh_the_same_whatever_their_bytes() -> None:
    def picture(size: int) -> int:
        url = {"url": "data:image/png;base64," + "A" * size}
        content = [
            {"type": "text", "text": "?"},
            {"type": "image_url", "image_url": url},
        ]
        body = {"model": "m", "messages": [{"role": "user", "content": content}]}
        return parse(CHAT, orjson.dumps(body)).size.estimate(4.0)

    assert picture(10) == picture(1_000_000)
    assert 1000 < picture(10) < 1050
