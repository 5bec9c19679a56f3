"""Models that answer in another's place: when, which, and at whose price."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from entitlements.features import Features
from inference.catalog.exceptions import InvalidModel
from inference.catalog.models import Deployment
from inference.catalog.services import Rates
from inference.usage.models import UsageEvent
from tests.fakes.upstream import (
    DONE,
    Script,
    Upstream,
    chunk,
    events,
    running_upstream,
    usage_event,
    whole,
)
from tests.inference.gateway.conftest import HELLO, PRO, Customer, recorded

Make = Callable[..., Customer]
DEAR = Rates.from_dollars("3", "6", "1", "2")
ANSWER = {
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3},
}
LONG = [{"role": "user", "content": "word " * 6_000}]


def good(upstream: Upstream) -> None:
    upstream.scripts["good"] = whole(ANSWER)


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_where_no_server_answers_another_model_does_at_the_price_that_was_asked(
    customer: Make, offer: Any, upstream: Upstream, is_stream: bool
) -> None:
    with running_upstream() as other:
        said = (chunk("Hello"), chunk(finish="stop"), usage_event(), DONE)
        other.scripts["good"] = events(*said) if is_stream else whole(ANSWER)
        offer(
            other, "good", slug="second", rates=Rates.from_dollars("1", "2", "1", "2")
        )
        offer(upstream, "status-503", slug="first", fallbacks=["second"])

        answer = customer().post(
            json={"model": "first", "messages": HELLO, "stream": is_stream}
        )

    assert answer.status_code == 200
    assert answer.headers["x-model"] == "second"
    (row,) = recorded()
    assert (row.model, row.answered_by, row.status) == ("first", "second", "ok")
    assert row.price_nano == 9 * 1000 + 3 * 2000
    # What it cost us is what the other model costs: twice as much as the first.
    assert row.cost_nano == 9 * 1000 + 3 * 2000
    place = Deployment.objects.get(model__slug="second")
    assert row.deployment_id == place.pk
    # Two tries, and the last that is left.
    assert len(upstream.requests) == 2
    assert row.attempts == 3


def test_each_of_several_is_asked_in_its_turn(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    good(upstream)
    offer(upstream, "good", slug="third")
    offer(upstream, "status-500", slug="second")
    offer(upstream, "status-500", slug="first", fallbacks=["second", "third"])

    answer = customer().post(json={"model": "first", "messages": HELLO})

    assert answer.headers["x-model"] == "third"
    (row,) = recorded()
    assert (row.attempts, row.answered_by) == (3, "third")


def test_a_model_that_answers_is_not_replaced(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    good(upstream)
    offer(upstream, "good", slug="second")
    offer(upstream, "plain", slug="first", fallbacks=["second"])

    answer = customer().post(json={"model": "first", "messages": HELLO})

    assert "x-model" not in answer.headers
    (row,) = recorded()
    assert (row.answered_by, row.attempts) == ("", 1)


def test_nothing_that_was_bought_is_asked_elsewhere(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    good(upstream)
    offer(upstream, "good", slug="second")
    offer(upstream, "garbage", slug="first", fallbacks=["second"])

    answer = customer().post(json={"model": "first", "messages": HELLO})

    assert answer.status_code == 502
    assert [each["payload"]["model"] for each in upstream.requests] == ["garbage"]


def test_what_a_model_in_its_place_runs_for_nothing_costs_what_that_one_costs(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    with running_upstream() as other:
        twice = Rates.from_dollars("1", "2", "1", "2")
        offer(other, "garbage", slug="second", rates=twice)
        offer(upstream, "status-503", slug="first", fallbacks=["second"])
        offer(upstream, "garbage", slug="alone")
        ada = customer()

        answers = [
            ada.post(json={"model": name, "messages": HELLO})
            for name in ("first", "alone")
        ]

    assert [each.status_code for each in answers] == [502, 502]
    costs = {row.model: (row.price_nano, row.cost_nano) for row in recorded(2)}
    assert costs["alone"][1] > 0
    assert costs["first"] == (0, 2 * costs["alone"][1])


@pytest.mark.parametrize(
    "unfit",
    [
        {"rates": DEAR},
        {"edition": "premium"},
        {"capabilities": ["embeddings"]},
    ],
    ids=["too dear", "not in the plan", "cannot"],
)
def test_who_may_not_answer_does_not(
    customer: Make, offer: Any, upstream: Upstream, unfit: dict[str, Any]
) -> None:
    good(upstream)
    offer(upstream, "good", slug="second", **unfit)
    offer(upstream, "status-500", slug="first", fallbacks=["second", "unknown"])

    answer = customer().post(json={"model": "first", "messages": HELLO})

    assert answer.status_code == 502
    assert {each["payload"]["model"] for each in upstream.requests} == {"status-500"}


def test_a_dearer_model_answers_up_to_the_ceiling(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    good(upstream)
    offer(upstream, "good", slug="second", rates=DEAR)
    offer(
        upstream, "status-500", slug="first", fallbacks=["second"], fallback_ceiling=300
    )

    answer = customer().post(json={"model": "first", "messages": HELLO})

    assert answer.headers["x-model"] == "second"
    (row,) = recorded()
    assert row.price_nano == 9 * 1000 + 3 * 2000


def test_a_key_that_may_not_see_a_model_is_not_answered_by_it(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    good(upstream)
    offer(upstream, "good", slug="second")
    offer(upstream, "status-500", slug="first", fallbacks=["second"])

    answer = customer(allowed_models=["first"]).post(
        json={"model": "first", "messages": HELLO}
    )

    assert answer.status_code == 502


def test_a_prompt_too_long_for_a_model_is_answered_by_a_larger_one(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    good(upstream)
    features = Features(plan="pro", tokens_per_minute=1_000_000)
    offer(upstream, "good", slug="small", context_tokens=2_000)
    offer(upstream, "good", slug="large", context_tokens=64_000)
    offer(
        upstream,
        "plain",
        slug="first",
        context_tokens=2_000,
        fallbacks=["small", "large"],
    )
    ada = customer(features=features)

    answer = ada.post(json={"model": "first", "messages": LONG})
    short = ada.post(json={"model": "first", "messages": HELLO})
    alone = ada.post(json={"model": "small", "messages": LONG})

    assert answer.headers["x-model"] == "large"
    assert "x-model" not in short.headers
    assert alone.json()["error"]["code"] == "context_length_exceeded"
    rows = recorded(2)
    assert [row.answered_by for row in rows] == ["large", ""]


def test_a_server_that_finds_a_prompt_too_long_leads_to_a_larger_model_only(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    good(upstream)
    said = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    upstream.scripts["small"] = whole(said, 400)
    offer(upstream, "good", slug="same")
    offer(upstream, "good", slug="large", context_tokens=64_000)
    offer(upstream, "small", slug="first", fallbacks=["same", "large"])

    answer = customer(features=PRO).post(json={"model": "first", "messages": HELLO})

    assert answer.headers["x-model"] == "large"


def test_fallbacks_are_names_of_other_models(offer: Any, upstream: Upstream) -> None:
    for wrong in (["first"], "second", [1], ["../x"]):
        with pytest.raises(InvalidModel) as caught:
            offer(upstream, "plain", slug="first", fallbacks=wrong)
        assert caught.value.details["field"] == "fallbacks"


def test_what_fails_after_its_caller_left_is_tried_nowhere_else(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    with running_upstream() as second:
        upstream.scripts["good"] = Script([b"{}"], status=500, thinks=3.0)
        good(second)
        offer(upstream, "good", others=[second.url], on_disconnect="drain")

        with pytest.raises(httpx.ReadTimeout):
            customer().post(json={"model": "good", "messages": HELLO}, timeout=1)
        (row,) = recorded()

    assert second.requests == []
    assert (row.status, row.attempts) == (UsageEvent.Status.CLIENT_ABORT, 1)
    assert (row.tokens_in, row.price_nano, row.cost_nano) == (0, 0, 0)
