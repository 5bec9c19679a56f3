"""An exchange goes one way, and knows what each stage brought."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from inference.catalog.models import Deployment
from inference.gateway.exchange import Exchange, Stage
from inference.protocol.estimates import TextSize
from inference.protocol.metering import Tokens, meter
from inference.usage.models import UsageEvent
from tests.inference.gateway.exchanges import MODEL, admitted, estimated

(PLACE,) = MODEL.deployments
TOKENS = Tokens(90, 30, 7)


def running() -> Exchange:
    exchange = admitted()
    asyncio.run(_run(exchange))
    return exchange


async def _run(exchange: Exchange) -> None:
    exchange.run_at(PLACE)


def settled() -> Exchange:
    exchange = running()
    exchange.settle("ok", TOKENS, error_code="")
    return exchange


VERBS: dict[str, Callable[[Exchange], None]] = {
    "admit": lambda exchange: exchange.admit({}, is_held_in_redis=True),
    "run": lambda exchange: asyncio.run(_run(exchange)),
    "settle": lambda exchange: exchange.settle("ok", TOKENS, error_code=""),
}


@pytest.mark.parametrize(
    ("make", "stage", "allowed"),
    [
        (estimated, Stage.RECEIVED, {"admit"}),
        (admitted, Stage.ADMITTED, {"run", "settle"}),
        (running, Stage.RUNNING, {"run", "settle"}),
        (settled, Stage.SETTLED, set()),
    ],
    ids=lambda value: value.value if isinstance(value, Stage) else "",
)
def test_only_the_next_stage_is_reached(
    make: Callable[[], Exchange], stage: Stage, allowed: set[str]
) -> None:
    reached = set()
    for name, verb in VERBS.items():
        exchange = make()
        assert exchange.stage is stage
        try:
            verb(exchange)
        except RuntimeError:
            # Refused, and nothing changed.
            assert exchange.stage is stage
        else:
            reached.add(name)

    assert reached == allowed


def test_the_worst_price_is_held_and_what_was_used_is_billed() -> None:
    exchange = settled()

    # 10 tokens of answer at most, and the prompt as estimated.
    assert exchange.hold_nano == exchange.bounds.estimated_in * 1_000 + 10 * 2_000
    # 60 at a thousandth of a dollar per thousand, 30 cached at half, 7 at twice.
    assert exchange.usage.price_nano == 60 * 1_000 + 30 * 500 + 7 * 2_000
    assert exchange.usage.cost_nano == 60 * 500 + 30 * 250 + 7 * 1_000
    assert exchange.usage.price_version_id == MODEL.price_version_id
    assert exchange.call.payload == {}


def test_a_prompt_that_was_run_for_nothing_is_a_cost_and_no_price() -> None:
    exchange = running()
    exchange.record_failure("timed_out", has_run=True, upstream_status=0)
    assert exchange.lost_nano == exchange.bounds.estimated_in * 500
    exchange.record_failure("upstream_error", has_run=False, upstream_status=502)
    exchange.settle(exchange.failed_as, Tokens(0, 0, 0), error_code="x")

    assert exchange.usage.status == UsageEvent.Status.UPSTREAM_ERROR
    assert exchange.usage.price_nano == 0
    assert exchange.usage.cost_nano == exchange.bounds.estimated_in * 500
    assert exchange.usage.upstream_status == 502


def test_a_prompt_is_lost_at_the_cost_of_the_model_that_ran_it() -> None:
    exchange = running()
    exchange.run_as(replace(MODEL, slug="dear", cost=(3_000_000_000, 0, 0)))
    asyncio.run(_run(exchange))
    exchange.record_failure("timed_out", has_run=True, upstream_status=0)
    exchange.settle(exchange.failed_as, Tokens(0, 0, 0), error_code="x")

    assert exchange.usage.price_nano == 0
    assert exchange.usage.cost_nano == exchange.bounds.estimated_in * 3_000


def test_a_caller_who_leaves_stops_what_runs_unless_it_is_drained() -> None:
    async def leave(on_disconnect: str) -> bool:
        exchange = admitted()

        async def work() -> None:
            exchange.run_at(Deployment(pk=1, on_disconnect=on_disconnect))
            await asyncio.sleep(0.05)

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        exchange.leave()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(leave("abort"))
    assert not asyncio.run(leave("drain"))


def test_a_stream_is_told_of_the_first_reason_to_end() -> None:
    async def interrupt() -> str:
        exchange = admitted()
        exchange.run_at(PLACE)
        interrupted = exchange.start_streaming()
        exchange.leave()
        exchange.interrupt("shutdown")
        return await interrupted

    assert asyncio.run(interrupt()) == "client_abort"


def test_an_answer_is_forgotten_once_it_is_taken() -> None:
    exchange = running()
    exchange.record_answer(b"{}", TOKENS)

    assert exchange.take_answer() == b"{}"
    assert exchange.answer == b""


def test_what_may_be_thought_beyond_the_answer_is_held_for_and_billed() -> None:
    plain, thinking = estimated(), estimated(thinking_budget=300)
    endless = estimated(thinking_budget=10**6)

    used = {"prompt_tokens": 5, "completion_tokens": 305}
    tokens = meter(used, TextSize(), thinking.bounds)

    # 300 tokens at two thousand billionths.
    assert thinking.hold_nano - plain.hold_nano == 600_000
    assert (tokens.completion, tokens.is_estimated) == (305, False)
    # The longest answer that is sent is the one that was asked for.
    assert {each.ask(PLACE).max_tokens for each in (plain, thinking, endless)} == {10}
    assert endless.bounds.most_out == 10 + MODEL.context_tokens
