"""Of a whole answer, the choices pass through byte by byte, and nothing else does."""

import pytest

from inference.protocol.answers import Envelope
from inference.providers.wire import dumps, loads

SAID = b'[ {"index":0,"message":{"role":"assistant","content":"1.0e2 \\u00e9"}} ]'
NUMBERS = (
    b'[{"index":0,"message":{"content":"x"},'
    b'"logprobs":{"a":1.50e1,"b":12345678901234567890123}}]'
)
NAMES = (
    b'[{"index":0,"message":{"content":"\\"usage\\": 1, \\"choices\\":[2]"},'
    b'"logprobs":{"usage":[1],"choices":[2]}}]'
)
USAGE = b'"usage":{"prompt_tokens":1}'


def _choices_of(body: bytes) -> bytes:
    envelope = Envelope("chat/completions", "req_1", "public", 5, is_stream=False)
    return envelope.answer_of(body, loads(body))


@pytest.mark.parametrize("choices", [SAID, NUMBERS, NAMES, b"[]"])
@pytest.mark.parametrize(
    "layout",
    [
        b'{"id":"a","choices":%b,%b}',
        b'{"id":"a","choices" : %b ,\n %b }',
        b'{"choices":%b,%b,"timings":{"usage":3}}',
        b'{"prompt":{"choices":[7],"usage":1},"choices":%b,%b}',
        b'{"cho\\u0069ces":%b,%b}',
        b'{"choices":%b,"usag\\u0065":{"usage":[1]},"x":{%b}}',
    ],
)
def test_choices_are_passed_on_as_they_were_written(
    choices: bytes, layout: bytes
) -> None:
    assert loads(_choices_of(layout % (choices, USAGE))) == loads(choices)
    if b"\\u0069" not in layout:
        assert _choices_of(layout % (choices, USAGE)) == choices


def test_what_stands_between_them_and_the_usage_is_left_out() -> None:
    # Read once more, the name that came first keeps its place.
    body = b'{"x":0,"choices":%b,"x":["http://10.0.0.7"],%b}' % (SAID, USAGE)

    assert _choices_of(body) == SAID


@pytest.mark.parametrize("told", [b'""', b'"null"', b"false", b'"eos-token"'])
def test_a_whole_answer_has_ended_whatever_is_said_of_its_end(told: bytes) -> None:
    body = b'{"choices":[{"index":0,"message":{},"finish_reason":%b}]}' % told

    assert loads(_choices_of(body))[0]["finish_reason"] == "stop"


def test_half_a_character_beside_what_is_no_json_can_be_written_again() -> None:
    pair = loads(rb'["\ud83d\ude00", "a\ud83d", "\ude00b", "\\ud83d", NaN, 1e3]')

    assert pair[:4] == ["\U0001f600", "a\ufffd", "\ufffdb", r"\ud83d"]
    assert loads(dumps(pair))[4:] == [None, 1000.0]
    assert loads(b"[NaN, 18446744073709551616]")[1] == float(2**64)
