"""Reading usage in every vocabulary, and what is billed when it cannot be read."""

from dataclasses import replace
from typing import Any

import pytest

from inference.protocol.answers import CALL_FIELDS, MESSAGE_FIELDS
from inference.protocol.estimates import TextSize, add_choice, size_of
from inference.protocol.metering import (
    UsageBounds,
    meter,
    number,
    read_usage,
    usage_in,
)
from tests.inference.protocol.shapes import SHAPES, Shape

BOUNDS = UsageBounds(
    estimated_in=12,
    most_in=2_100,
    most_out=100,
    answers=1,
    prompts=1,
    bytes_per_token=4.0,
)
EXACT = (11, 0, 5, False)
# "twenty-four letters here": six tokens at four bytes each.
ESTIMATED = (12, 0, 6, True)


BAD: list[Any] = [
    *(True, "many", [], {}, 1.5, float("nan"), -1),
    *(float("inf"), "-3", "1e3", 10**30, "9" * 30),
]


def billed(usage: Any, bounds: UsageBounds = BOUNDS) -> tuple[int, int, int, bool]:
    written = TextSize(texts=1)
    written.add("twenty-four letters here")
    tokens = meter(usage, written, bounds)
    assert bool(tokens.complaint) == tokens.is_estimated
    return tokens.prompt, tokens.cached, tokens.completion, tokens.is_estimated


def openai(prompt: Any, completion: Any, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, **more}


@pytest.mark.parametrize(
    "usage",
    [
        *(
            openai(a, b)
            for a in (11, 11.0, "11", "11.0", " 11 ")
            for b in (5, 5.0, "5")
        ),
        {"input_tokens": 11, "output_tokens": 5},
        {"prompt_eval_count": 11, "eval_count": 5},
        {"prompt_tokens": 11, "total_tokens": 16},
        {"completion_tokens": 5, "total_tokens": "16"},
        {"input_tokens": 11, "total_tokens": 16.0},
        openai(11, None, total_tokens=16),
        openai(11, 5, total_tokens=0),
        openai(11, 5, prompt_tokens_details=None, completion_tokens_details=None),
        openai(11, 5, prompt_tokens_details={"cached_tokens": 0}, cost={"a": 1}),
        # What the model thought, left out of its completion.
        openai(
            11, 2, total_tokens=16, completion_tokens_details={"reasoning_tokens": 3}
        ),
    ],
    ids=str,
)
def test_usage_is_read_in_whatever_words_it_is_told(usage: Any) -> None:
    assert billed(usage) == EXACT


@pytest.mark.parametrize(
    "usage",
    [
        openai(11, 5, prompt_tokens_details={"cached_tokens": 4}),
        openai(11, 5, prompt_tokens_details={"cached_tokens": 4.0}),
        openai(11, 5, prompt_tokens_details={"cached_tokens": "4"}),
        openai(11, 5, prompt_cache_hit_tokens=4),
        openai(11, 5, cached_tokens=4),
        openai(11, 5, cache_read_input_tokens=4),
        {"input_tokens": 7, "output_tokens": 5, "cache_read_input_tokens": 4},
        {
            "input_tokens": 11,
            "output_tokens": 5,
            "input_tokens_details": {"cached_tokens": 4},
        },
    ],
    ids=str,
)
def test_cached_input_is_read_in_each_of_its_spellings(usage: Any) -> None:
    assert billed(usage) == (11, 4, 5, False)


@pytest.mark.parametrize("zero", [0, 0.0, "0"])
def test_explicit_zeros_are_free_and_exact(zero: Any) -> None:
    assert billed(openai(zero, zero)) == (0, 0, 0, False)
    assert billed(openai(11, zero)) == (11, 0, 0, False)


@pytest.mark.parametrize(
    "usage",
    [
        *(None, {}, [], "11", 16, True, {"tokens": 11}, {"prompt_tokens": None}),
        *(openai(bad, bad) for bad in BAD),
        openai(2_101, 102),
        {"total_tokens": None},
    ],
    ids=str,
)
def test_what_cannot_be_read_or_cannot_be_is_estimated_and_marked(usage: Any) -> None:
    assert billed(usage) == ESTIMATED


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (openai(11, -5), (11, 0, 6, True)),
        (openai(-11, 5), (12, 0, 5, True)),
        (openai(11, 10**9), (11, 0, 6, True)),
        (openai(10**9, 5), (12, 0, 5, True)),
        ({"prompt_tokens": 11}, (11, 0, 6, True)),
        ({"completion_tokens": 5}, (12, 0, 5, True)),
        # One sum says less than two, and still what both are together.
        ({"total_tokens": 16}, (12, 0, 4, True)),
        ({"total_tokens": 3}, (3, 0, 0, True)),
        (openai(11, 5, prompt_tokens_details={"cached_tokens": "x"}), (11, 0, 5, True)),
        (openai(11, 5, prompt_tokens_details={"cached_tokens": -4}), (11, 0, 5, True)),
        (
            openai(11, 5, prompt_tokens_details={"cached_tokens": 99}),
            (11, 11, 5, True),
        ),
        # The sign of its end, which some servers count beside the longest answer.
        (openai(11, 101), (11, 0, 100, False)),
        ({"prompt_tokens": 20, "total_tokens": 16}, (20, 0, 6, True)),
    ],
    ids=str,
)
def test_each_part_is_believed_as_far_as_it_is_possible(
    usage: Any, expected: tuple[int, int, int, bool]
) -> None:
    assert billed(usage) == expected


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_shape_is_billed_exactly_or_marked(shape: Shape) -> None:
    bounds = replace(BOUNDS, estimated_in=8, bytes_per_token=3.5)
    written = TextSize(texts=1)
    written.add("Hello there!")
    choice = {"message": {}, **(shape.told if shape.in_choice else {})}
    beside = {} if shape.in_choice else shape.told

    tokens = meter(usage_in({"choices": [choice], **beside}), written, bounds)

    assert (tokens.prompt, tokens.cached, tokens.completion) == shape.billed
    assert tokens.is_estimated is not shape.is_exact
    assert tokens.parts == shape.parts


def test_no_token_has_two_prices_and_none_is_of_a_kind_nobody_asked_for() -> None:
    bounds = replace(BOUNDS, parts=("audio_in", "image_in", "cache_write_in"))
    told = {"cached_tokens": 8, "audio_tokens": 9, "image_tokens": 9}
    usage = openai(11, 5, prompt_tokens_details=told, reasoning_tokens=5)

    tokens = meter(usage, TextSize(plain=20, texts=1), bounds)

    assert tokens.parts == {"audio_in": 3, "image_in": 0}
    assert "reasoning_out" in tokens.complaint


def test_embeddings_write_nothing_whatever_is_told() -> None:
    bounds = UsageBounds(
        estimated_in=12,
        most_in=2_100,
        most_out=0,
        answers=0,
        prompts=1,
        bytes_per_token=4.0,
    )

    assert billed({"total_tokens": 11}, bounds) == (11, 0, 0, False)
    assert billed(openai(11, 7), bounds) == (11, 0, 0, False)
    assert billed(None, bounds) == (12, 0, 0, True)


def test_the_usage_of_one_prompt_of_many_is_not_taken_for_all() -> None:
    bounds = UsageBounds(
        estimated_in=480,
        most_in=4_000,
        most_out=4_000,
        answers=40,
        prompts=40,
        bytes_per_token=4.0,
    )
    written = TextSize(plain=40 * 48, texts=40)

    one = meter(openai(12, 12), written, bounds)
    every = meter(openai(440, 470), written, bounds)

    assert (one.prompt, one.completion, one.is_estimated) == (480, 480, True)
    assert (every.prompt, every.completion, every.is_estimated) == (440, 470, False)


def test_no_usage_bills_more_than_was_held_beside_the_prompts_tolerance() -> None:
    amounts: list[Any] = [
        -1,
        0,
        5,
        99,
        100,
        101,
        102,
        10**6,
        10**20,
        "7",
        2.5,
        None,
        [],
        True,
    ]
    for prompt in amounts:
        for completion in amounts:
            for total in amounts:
                usage = openai(prompt, completion, total_tokens=total)
                tokens = meter(usage, TextSize(plain=10_000, texts=1), BOUNDS)
                assert 0 <= tokens.prompt <= BOUNDS.most_in
                assert 0 <= tokens.cached <= tokens.prompt
                assert 0 <= tokens.completion <= BOUNDS.most_out


def test_numbers_are_numbers_however_they_are_written() -> None:
    assert [number(v) for v in (5, 5.0, "5", "5.", "5.00", "+5")] == [5] * 6
    assert [number(v) for v in (True, 5.5, "5.5", "five", None, [5])] == [None] * 6
    assert read_usage({"prompt_tokens": "x", "input_tokens": 7}).prompt == 7


def said(**choice: Any) -> int:
    weight = TextSize()
    add_choice(weight, choice)
    return weight.estimate(4.0) if weight.texts else 0


# What an answer may hold beside its letters.
NO_LETTERS = {"role", "name", "annotations", "images", "citations", "prefix"}
CALLS = {"function": "arguments", "custom": "input"}


@pytest.mark.parametrize("name", sorted(MESSAGE_FIELDS - NO_LETTERS - {"tool_calls"}))
def test_all_letters_that_are_passed_on_are_weighed(name: str) -> None:
    text = "four" * 10
    shapes: list[Any] = [text, {"type": "text", "text": text}]
    shapes += [[shape] for shape in shapes]
    shapes.append([{"type": "thinking", "thinking": [{"type": "text", "text": text}]}])
    if name == "audio":
        shapes = [{"transcript": text}]
    elif name == "function_call":
        shapes = [{"arguments": text}]
    elif name == "refusal":
        shapes = [text]
    assert [said(delta={name: shape, "role": "assistant"}) for shape in shapes] == [
        10
    ] * len(shapes)


@pytest.mark.parametrize("name", sorted(CALL_FIELDS - {"index", "id", "type"}))
def test_all_letters_of_a_call_are_weighed(name: str) -> None:
    call = {"id": "c" * 99, "index": 0, name: {CALLS[name]: "four" * 10}}
    assert said(delta={"tool_calls": [call]}) == 10


def test_an_answer_weighs_what_is_written_in_it_and_nothing_else() -> None:
    text = "four" * 10
    sound = {"id": "a", "data": "A" * 100_000, "transcript": text}
    function = {"name": "four", "arguments": "four" * 9}
    odds = {"content": [{"token": "x", "top_logprobs": [{"token": "y"}] * 20}] * 5}

    assert said(message={"content": text}) == 10
    assert said(delta={"content": text}, logprobs=odds) == 10
    assert said(text=text) == 10
    assert said(message={"content": [{"type": "text", "text": text}]}) == 10
    assert said(message={"content": None, "audio": sound}) == 10
    assert said(message={"tool_calls": [{"id": "c" * 99, "function": function}]}) == 10
    assert said(message={"reasoning": text, "reasoning_content": text}) == 10
    assert said(message={"content": "你好世界"}) == 4
    details = [{"type": "reasoning.text", "text": text, "signature": "s" * 999}]
    assert said(delta={"reasoning_details": details, "reasoning": text}) == 10
    custom = {"name": "four", "input": "four" * 9}
    assert said(delta={"tool_calls": [{"type": "custom", "custom": custom}]}) == 10
    assert said(delta={"role": "assistant", "content": ""}) == 0
    assert said(finish_reason="stop", delta={}) == 0


def test_a_prompt_weighs_its_texts_ids_and_tools() -> None:
    def prompt(**payload: Any) -> int:
        return size_of(payload).estimate(4.0)

    message = {"role": "user", "content": "four" * 10}
    tool = {"type": "function", "function": {"name": "weather"}}

    # Four for the message, one for its role.
    assert prompt(messages=[message]) == 15
    assert prompt(messages=[message], metadata={"x": "y" * 999}) == 15
    assert prompt(messages=[message], tools=[tool]) > 25
    assert prompt(prompt="four" * 10) == 10
    assert prompt(prompt=["four", "four"]) == 2
    assert prompt(prompt=[101, 102, 103]) == 3
    assert prompt(input=[[101, 102], [103]]) == 3
    assert size_of({"prompt": [[1], [2], [3]]}).texts == 3
    assert size_of({"prompt": [1, 2, 3]}).texts == 1


def test_nothing_is_more_than_the_most_it_can_be() -> None:
    for text in ("1 2 3 4 " * 50, "\U0001f600" * 40, "a" * 100, "你" * 7):
        weight = size_of({"messages": [{"role": "user", "content": text}]})
        assert weight.estimate(3.5) <= weight.most(8_000)
        assert weight.most(8_000) >= len(text.encode())
