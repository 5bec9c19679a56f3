"""Personal data is found by its form and its check digits, and nothing else is."""

import json
import time
from typing import Any

import pytest

from inference.keys.models import DataKind
from inference.protocol.personal import KINDS, LONGEST, PIECE, Hidden, hide, told

ALL = frozenset(DataKind.values)


def test_a_key_may_choose_just_what_is_found() -> None:
    assert ALL == KINDS


def without(text: str, kinds: frozenset[str] = ALL) -> str:
    return Hidden(kinds).in_text(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ada.love+lace@mail.example.co.uk", "EMAIL"),
        ("4111 1111 1111 1111", "CARD"),
        ("5500-0000-0000-0004", "CARD"),
        ("378282246310005", "CARD"),
        ("6222021234567890128", "CARD"),
        ("DE89 3704 0044 0532 0130 00", "IBAN"),
        ("GB29NWBK60161331926819", "IBAN"),
        ("11010519491231002X", "ID_NUMBER"),
        ("536-90-4399", "ID_NUMBER"),
        ("+49 (0)30 901820", "PHONE"),
        ("+1-202-555-0143", "PHONE"),
        ("+8613812345678", "PHONE"),
        ("138 1234 5678", "PHONE"),
        ("13812345678", "PHONE"),
        ("203.0.113.7", "IP_ADDRESS"),
        ("2001:db8::8a2e:370:7334", "IP_ADDRESS"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "“{}”", "at {}, please.", "是{}。", "({})\n"])
def test_what_has_the_form_is_hidden(text: str, name: str, around: str) -> None:
    assert without(around.format(text)) == around.format(f"[{name}_1]")


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "GB29NWBK60161331926818",
        "110105194912310021",
        "000-12-3456",
        "1730000000000",
        "3.14159265358979323846",
        "12:30:45",
        "999.1.1.1",
        "1.2.3",
        "std::vector",
        "version 10.0.1.2.3",
        "@ada",
        "a@b",
        "npm i @scope/package@1.2.3",
        "+1",
        "12345678901",
        "qwen2.5-7b",
        "0x7ffee4b8c0d0",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert without(f"It says {text} here.") == f"It says {text} here."


def test_only_the_kinds_that_were_chosen_are_hidden() -> None:
    text = "ada@example.com, +1-202-555-0143"

    assert without(text, frozenset({"phone"})) == "ada@example.com, [PHONE_1]"


def test_the_same_value_has_the_same_name_throughout() -> None:
    payload: dict[str, Any] = {
        "model": "ada@example.com",
        "messages": [
            {"role": "user", "content": "a@x.org and b@x.org"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "b@x.org again"},
                    {"type": "image_url", "image_url": {"url": "https://a@x.org/"}},
                ],
            },
            {
                "role": "assistant",
                "tool_calls": [{"function": {"arguments": "a@x.org"}}],
            },
        ],
        "user": "c@x.org",
    }

    body, counts = hide(json.dumps(payload).encode(), ALL)

    sent = json.loads(body)
    assert sent["model"] == "ada@example.com"
    assert sent["messages"][0]["content"] == "[EMAIL_1] and [EMAIL_2]"
    assert sent["messages"][1]["content"][0]["text"] == "[EMAIL_2] again"
    assert sent["messages"][1]["content"][1] == payload["messages"][1]["content"][1]
    calls = sent["messages"][2]["tool_calls"]
    assert calls == [{"function": {"arguments": "[EMAIL_1]"}}]
    assert sent["user"] == "[EMAIL_3]"
    assert counts == {"email": 3}
    assert list(told({"phone": 1, "email": 3})) == ["email=3", "phone=1"]


def test_a_body_without_any_is_sent_as_it_came() -> None:
    body = b'{ "model":"m",  "prompt":"1.50" }'

    assert hide(body, ALL) == (body, {})
    assert hide(b"{", ALL) == (b"{", {})


@pytest.mark.parametrize("before", range(-30, 31, 3))
def test_none_is_cut_where_a_long_text_is_searched_in_pieces(before: int) -> None:
    text = "x" * (PIECE - 20 + before) + " 4111 1111 1111 1111 and on"

    assert without(text).endswith(" [CARD_1] and on")


@pytest.mark.parametrize(
    "sign", ["a", "1 ", "a@", "a.", "A1", "+1", "1-", ":", "1.", "AB12 ", "4 4"]
)
def test_no_text_makes_a_search_slow(sign: str) -> None:
    def seconds(length: int) -> float:
        text = sign * (length // len(sign))
        started = time.thread_time()
        Hidden(ALL).in_text(text)
        return time.thread_time() - started

    # Ten times as long takes some ten times as long; a search that goes back over what
    # it has seen would take a hundred times as long.
    short = min(seconds(20_000) for _ in range(3))
    assert seconds(200_000) < 40 * short + 0.05


def test_the_longest_form_fits_between_two_pieces() -> None:
    long = "a" * 64 + "@" + ("b" * 63 + ".") * 8 + "c" * 63

    assert len(long) < LONGEST
    assert without(long) == "[EMAIL_1]"


def test_all_that_a_tool_was_called_with_is_searched() -> None:
    called = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "write_mail",
        "input": {
            "name": "ada@example.com",
            "data": [{"url": "https://x.test/?to=ada@example.com", "id": 13812345678}],
            "ada@example.com": True,
            "count": 12,
        },
    }
    body = {"model": "m", "messages": [{"role": "assistant", "content": [called]}]}

    cleaned, counts = hide(json.dumps(body).encode(), ALL)

    (message,) = json.loads(cleaned)["messages"]
    assert message["content"][0] == called | {
        "input": {
            "name": "[EMAIL_1]",
            "data": [{"url": "https://x.test/?to=[EMAIL_1]", "id": "[PHONE_1]"}],
            "[EMAIL_1]": True,
            "count": 12,
        }
    }
    assert counts == {"email": 1, "phone": 1}
