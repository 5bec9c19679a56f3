"""The simulator says what a call would meet, in the order in which it would."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from entitlements.features import FREE, Features
from inference.catalog.models import Deployment
from inference.directory.callers import Caller, KeyRules
from inference.directory.offers import OfferedModel
from inference.operating.simulation import Known, ModelStep, Simulation, simulate
from inference.routing.notes import CircuitNote
from tests.inference.gateway.exchanges import MODEL, caller

pytestmark = pytest.mark.django_db
MONTH = "202605"


def place(pk: int, **fields: Any) -> Deployment:
    return Deployment(pk=pk, provider="openai", base_url=f"http://{pk}", **fields)


def model(slug: str = "tiny", *places: Deployment, **fields: Any) -> OfferedModel:
    return replace(MODEL, slug=slug, deployments=places or (place(1),), **fields)


def note(why: Any = "failures", **fields: Any) -> CircuitNote:
    now = time.time()
    return CircuitNote(
        **{
            "why": why,
            "opened_at": now,
            "open_until": now + 60,
            "callers": (),
            "requests": 6,
            "failures": 6,
            **fields,
        }
    )


def simulated(
    *models: OfferedModel,
    who: Caller | None = None,
    notes: dict[int, CircuitNote] | None = None,
    pauses: dict[int, str] | None = None,
    **asked: Any,
) -> Simulation:
    offered = {each.slug: each for each in models}
    known = Known(who or caller(), offered, notes or {}, pauses or {})
    wanted = {"model": "tiny", "prompt": 100, "answer": 10, **asked}
    return simulate(known, month=MONTH, **wanted)


def turns(step: ModelStep) -> list[tuple[int, int | None, str]]:
    return [(each.place.pk, each.turn, each.out) for each in step.places]


def test_priorities_are_tried_in_their_order() -> None:
    result = simulated(model("tiny", place(1, priority=5), place(2, priority=0)))

    assert turns(result.steps[0]) == [(2, 1, ""), (1, 2, "")]


def test_those_of_one_priority_share_by_weight() -> None:
    both = model("tiny", place(1, weight=3), place(2, weight=1))

    (step,) = simulated(both).steps

    assert {each.place.pk: each.share for each in step.places} == {1: 75, 2: 25}


def test_no_more_than_three_are_tried() -> None:
    four = model("tiny", *(place(pk, priority=pk) for pk in range(1, 5)))

    (step,) = simulated(four).steps

    assert turns(step)[2:] == [(3, 3, ""), (4, None, "late")]


def test_what_is_let_alone_says_why() -> None:
    five = model(
        "tiny",
        *(place(pk, priority=pk) for pk in range(1, 6)),
        paused=frozenset({1}),
    )
    notes = {
        2: note("unreachable"),
        3: note("limited"),
        4: note(open_until=1.0, callers=(1,)),
    }

    (step,) = simulated(five, notes=notes, pauses={1: "Driver"}).steps

    assert turns(step) == [
        (5, 1, ""),
        (1, None, "paused"),
        (2, None, "open"),
        (3, None, "limited"),
        (4, None, "doubted"),
    ]
    assert step.places[1].reason == "Driver"
    assert 50 <= step.places[2].seconds <= 60


def test_another_caller_would_find_out_whether_it_is_back() -> None:
    half_open = {1: note(open_until=1.0, callers=(99,))}

    (step,) = simulated(model(), notes=half_open).steps

    assert turns(step) == [(1, 1, "")]


def test_stand_ins_follow_and_each_left_out_says_why() -> None:
    dear = tuple(rate * 2 for rate in MODEL.price)
    models = (
        model(fallbacks=("gone", "hidden", "premium", "dear", "blind", "next")),
        model("hidden"),
        model("premium", edition="premium"),
        model("dear", price=dear),
        model("blind"),
        model("next", place(7), capabilities=frozenset({"vision"})),
    )
    models = (replace(models[0], capabilities=frozenset({"vision"})), *models[1:])
    who = caller(allowed_models=frozenset({m.slug for m in models} - {"hidden"}))

    result = simulated(*models, who=who, images=True)

    assert [(step.slug, step.obstacle) for step in result.steps] == [
        ("tiny", ""),
        ("gone", "not_offered"),
        ("hidden", "not_for_key"),
        ("premium", "needs_plan"),
        ("dear", "too_dear"),
        ("blind", "cannot"),
        ("next", ""),
    ]
    assert turns(result.steps[-1]) == [(7, 2, "")]


def test_a_prompt_that_does_not_fit_goes_to_the_larger_one() -> None:
    small = model(context_tokens=100, fallbacks=("large",))
    large = model("large", place(2), context_tokens=100_000)

    result = simulated(small, large, prompt=5_000)

    assert [(step.slug, step.obstacle) for step in result.steps] == [
        ("tiny", "too_small"),
        ("large", ""),
    ]
    assert turns(result.steps[1]) == [(2, 1, "")]


@pytest.mark.parametrize(
    ("fields", "asked", "code"),
    [
        ({}, {"model": "unknown"}, "model_not_found"),
        ({"edition": "premium"}, {}, "model_requires_plan"),
        ({}, {"prompt": 100_000}, "context_length_exceeded"),
    ],
)
def test_a_refusal_is_the_one_of_the_gateway(
    fields: dict[str, Any], asked: dict[str, Any], code: str
) -> None:
    result = simulated(model(**fields), **asked)

    assert result.refusal is not None
    assert result.refusal.code == code
    assert result.steps == ()


def test_what_is_held_is_compared_with_what_is_left() -> None:
    rich = caller(Features(monthly_allowance_nano=10**12))
    poor = caller(replace(FREE, monthly_allowance_nano=1))

    assert not simulated(model(), who=rich).is_beyond_allowance
    assert simulated(model(), who=poor).is_beyond_allowance


def test_a_key_for_other_models_is_told_that_there_is_none() -> None:
    who = caller(allowed_models=frozenset({"other"}), rules=KeyRules())

    result = simulated(model(), who=who)

    assert result.refusal is not None
    assert result.refusal.code == "model_not_found"


def test_nothing_is_counted_by_looking(person: Callable[..., Any]) -> None:
    one = model()

    results = [simulated(one) for _ in range(3)]

    assert {turns(each.steps[0])[0] for each in results} == {(1, 1, "")}
