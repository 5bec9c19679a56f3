"""Every way servers tell usage, through a real gateway: exact, or marked."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Sum

from inference.catalog.services import Rates
from inference.usage.models import OrganisationMonth, UsageEvent, UsageHour
from tests.fakes.upstream import DONE, Script, Upstream, chunk, events, whole
from tests.inference.gateway.conftest import HELLO, PRO, Customer, recorded
from tests.inference.protocol.shapes import SHAPES, Shape

Make = Callable[..., Customer]
# Reasoning and written caches have prices of their own: in billionths for a token.
OWN = {"in": 1000, "cached_in": 500, "out": 2000}
PARTS = {"reasoning_out": 3000, "cache_write_in": 1250}
RATES = Rates(
    **{f"price_{name}": rate * 10**6 for name, rate in {**OWN, **PARTS}.items()},
    **{f"cost_{name}": rate * 10**5 for name, rate in OWN.items()},
)


def script(shape: Shape, *, is_stream: bool) -> Script:
    """Return an answer that tells its usage in a shape."""
    in_choice = shape.told if shape.in_choice else {}
    beside = {} if shape.in_choice else shape.told
    if is_stream:
        last = {
            "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", **in_choice}]
        }
        pieces = [chunk("Hello there!"), event({**last, **beside})]
        return events(*pieces, DONE)
    message = {"role": "assistant", "content": "Hello there!"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **in_choice}
    return whole({"object": "chat.completion", "choices": [choice], **beside})


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def told_in(text: str, *, is_stream: bool) -> dict[str, Any]:
    """Return the usage that a caller was told."""
    last = text.split("data: ")[-2] if is_stream else text
    told: dict[str, Any] = json.loads(last)["usage"]
    return told


def price_of(row: UsageEvent) -> int:
    """Return the price of a row's tokens, each counted once."""
    price = (row.tokens_in - row.tokens_cached) * OWN["in"]
    price += row.tokens_cached * OWN["cached_in"] + row.tokens_out * OWN["out"]
    for name, count in (row.parts or {}).items():
        price += count * (PARTS[name] - OWN[name.rpartition("_")[2]])
    return price


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_every_shape_of_usage_is_billed_exactly_or_marked(
    customer: Make, offer: Any, upstream: Upstream, is_stream: bool
) -> None:
    offer(upstream, "scripted", rates=RATES)
    ada = customer(features=PRO)
    request = {"model": "scripted", "messages": HELLO, "stream": is_stream}
    if is_stream:
        request["stream_options"] = {"include_usage": True}
    told = []
    for shape in SHAPES:
        upstream.scripts["scripted"] = script(shape, is_stream=is_stream)
        response = ada.post(json=request)
        assert response.status_code == 200, shape.name
        told.append(told_in(response.text, is_stream=is_stream))

    rows = recorded(len(SHAPES))
    assert len(rows) == len(SHAPES) > 60
    for shape, row, usage in zip(SHAPES, rows, told, strict=True):
        found = (row.tokens_in, row.tokens_cached, row.tokens_out)
        assert (found, row.is_estimated) == (shape.billed, not shape.is_exact), (
            shape.name
        )
        assert bool(row.doubt) is row.is_estimated
        assert row.parts == shape.parts
        assert row.price_nano == price_of(row)
        # What the caller is told is what is billed, whatever the upstream said.
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (
            row.tokens_in,
            row.tokens_out,
        )
        assert row.price_nano <= row.held_nano + 1000 * row.tokens_in
    assert {(row.status, row.attempts) for row in rows} == {("ok", 1)}
    total = sum(row.price_nano for row in rows)
    assert OrganisationMonth.objects.get().price_nano == total
    assert UsageHour.objects.aggregate(s=Sum("price_nano"))["s"] == total


def test_usage_told_in_halves_is_put_together(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted")
    ada = customer(features=PRO)
    upstream.scripts["scripted"] = events(
        event({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 1}}),
        chunk("Hello there!"),
        chunk(finish="stop"),
        event({"choices": [], "usage": {"completion_tokens": 5}}),
        DONE,
    )

    ada.post(json={"model": "scripted", "messages": HELLO, "stream": True})

    (row,) = recorded()
    assert (row.tokens_in, row.tokens_out, row.is_estimated) == (11, 5, False)


def test_parts_without_a_price_of_their_own_are_sold_as_the_rest(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted")
    ada = customer(features=PRO)
    thought = next(shape for shape in SHAPES if shape.name == "openai reasoning")
    upstream.scripts["scripted"] = script(thought, is_stream=False)

    ada.post(json={"model": "scripted", "messages": HELLO})

    (row,) = recorded()
    assert (row.parts, row.price_nano) == ({"reasoning_out": 3}, 11 * 1000 + 5 * 2000)
