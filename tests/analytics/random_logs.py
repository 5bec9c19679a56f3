"""Small random logs, dense enough that every rule of a question decides something."""

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics.questions import (
    Condition,
    EventPattern,
    Exclusion,
    Funnel,
    Operator,
    Order,
    Span,
)
from tests.analytics.brute import Done

# A thousand on request: ANALYTICS_LOGS=1000.
LOGS = int(os.environ.get("ANALYTICS_LOGS", "200"))
START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("a", "b", "c")


def random_log(rng: random.Random) -> list[Done]:
    """Return up to sixty events of three units; many share a moment."""
    ids = rng.sample(range(1, 10_000), rng.randint(0, 60))
    return [
        Done(
            unit=rng.choice((1, 2, -7)),
            at=START + timedelta(minutes=rng.randint(0, 60)),
            id=number,
            name=rng.choice(NAMES),
            properties=_properties(rng),
        )
        for number in ids
    ]


def random_funnel(rng: random.Random, order: Order) -> Funnel:
    steps = tuple(random_step(rng) for _ in range(rng.randint(2, 4)))
    if order == Order.UNORDERED:
        steps = tuple(dict.fromkeys(steps))
        if len(steps) < 2:
            steps = (EventPattern("a"), EventPattern("b"))
    start = START + timedelta(minutes=rng.randint(0, 10))
    return Funnel(
        steps=steps,
        period=Span(start, start + timedelta(minutes=rng.randint(1, 50))),
        window=timedelta(minutes=rng.randint(1, 60)),
        order=order,
        exclusions=_exclusions(rng, order, len(steps)),
        hold=rng.choice(("", "", "plan")),
        breakdown=rng.choice(("", "plan")),
    )


def random_step(rng: random.Random) -> EventPattern:
    name = rng.choice(NAMES)
    if rng.random() < 0.8:
        return EventPattern(name)
    operator = rng.choice(list(Operator))
    value = rng.choice(("2", "3")) if operator in {"more", "less"} else "p"
    return EventPattern(
        name, (Condition(rng.choice(("plan", "count")), operator, value),)
    )


def _exclusions(rng: random.Random, order: Order, steps: int) -> tuple[Exclusion, ...]:
    if order == Order.STRICT or rng.random() < 0.5:
        return ()
    after = None
    if order != Order.UNORDERED and rng.random() < 0.5:
        after = rng.randrange(steps - 1)
    return (Exclusion(EventPattern(rng.choice(NAMES)), after),)


def _properties(rng: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rng.random() < 0.8:
        found["plan"] = rng.choice(("p", "q"))
    if rng.random() < 0.5:
        found["count"] = rng.choice((1, 2, 3.5, "p", True))
    return found
