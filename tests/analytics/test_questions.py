"""A question that has no answer says what to change."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics.questions import (
    Condition,
    EventPattern,
    Exclusion,
    Funnel,
    InvalidQuestion,
    Operator,
    Order,
    People,
    Rule,
    Segment,
    Span,
    UnitKind,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = Span(START, START + timedelta(days=30))
A, B = EventPattern("a"), EventPattern("b")


def funnel(**changes: Any) -> Funnel:
    return Funnel(**{"steps": (A, B), "period": SPAN, **changes})


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("steps", {"steps": (A,)}),
        ("steps", {"steps": (A,) * 11}),
        ("window", {"window": timedelta(seconds=59)}),
        ("window", {"window": timedelta(days=367)}),
        ("hold", {"hold": "plan'; --"}),
        ("breakdown", {"breakdown": 'x"y'}),
        ("steps", {"steps": (A, A), "order": Order.UNORDERED}),
        ("exclusions", {"exclusions": (Exclusion(B),), "order": Order.STRICT}),
        ("exclusions", {"exclusions": (Exclusion(B, 0),), "order": Order.UNORDERED}),
        ("exclusions", {"exclusions": (Exclusion(B, 1),)}),
        ("exclusions", {"exclusions": (Exclusion(B, -1),)}),
        ("exclusions", {"exclusions": (Exclusion(B),) * 6}),
        (
            "segment",
            {"segment": Segment((Rule(A),), START, unit=UnitKind.ORGANISATION)},
        ),
    ],
)
def test_a_funnel_names_the_field_that_is_wrong(
    field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidQuestion) as refused:
        funnel(**changes)

    assert refused.value.field == field


@pytest.mark.parametrize(
    "values",
    [
        ("Name", Operator.IS, "x"),
        ("a b", Operator.IS, "x"),
        ("é", Operator.IS, "x"),
        ("count", Operator.MORE, "many"),
        ("count", Operator.LESS, "nan"),
        ("count", Operator.MORE, "inf"),
        ("path", Operator.CONTAINS, ""),
        ("path", Operator.IS, "x" * 301),
    ],
)
def test_a_condition_that_cannot_be_met_is_refused(
    values: tuple[str, Operator, str],
) -> None:
    with pytest.raises(InvalidQuestion):
        Condition(*values)


def test_days_are_aware_in_order_and_few_enough() -> None:
    for start, end in (
        (START.replace(tzinfo=None), START),
        (START, START),
        (START, START + timedelta(days=1098)),
    ):
        with pytest.raises(InvalidQuestion):
            Span(start, end)


def test_a_segment_says_what_was_done() -> None:
    wrong: list[dict[str, Any]] = [
        {"rules": ()},
        {"rules": (Rule(A, is_negated=True),)},
        {"rules": (Rule(A), Rule(B, is_negated=True)), "matches_all": False},
    ]
    for values in wrong:
        with pytest.raises(InvalidQuestion):
            Segment(as_of=START, **values)


def test_behind_a_step_that_is_not_there_is_nobody() -> None:
    for step in (0, 3):
        with pytest.raises(InvalidQuestion):
            People(funnel=funnel(), reached=step)


def test_equal_questions_have_equal_keys_in_every_time_zone() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    same = Span(SPAN.start.astimezone(shanghai), SPAN.end.astimezone(shanghai))

    assert funnel().key() == funnel(period=same).key()
    assert len(funnel().key()) == 32


def test_any_change_of_a_question_is_another_key() -> None:
    questions = [
        funnel(),
        funnel(steps=(B, A)),
        funnel(steps=(EventPattern("a", (Condition("x"),)), B)),
        funnel(window=timedelta(days=29)),
        funnel(order=Order.STRICT),
        funnel(hold="x"),
        funnel(breakdown="x"),
        funnel(unit=UnitKind.ORGANISATION),
        funnel(exclusions=(Exclusion(B),)),
        funnel(segment=Segment((Rule(A),), START)),
        funnel(period=Span(START, START + timedelta(days=31))),
    ]

    assert len({question.key() for question in questions}) == len(questions)
