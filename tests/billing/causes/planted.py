"""Confounded data with a planted effect: who is eager meets it more and pays more."""

from dataclasses import dataclass

import numpy as np

from billing.causes.stats.samples import Floats, TrialSample

NAMES = ("eager", "age", "team", "prices")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How strongly facts decide what people meet and what they do.

    ``effect`` is on the log odds of paying. ``push`` is how strongly facts decide who
    meets it: large ones leave nobody to compare with. ``hidden`` is the strength, in
    all three, of something that is not among the facts.
    """

    effect: float
    push: float = 0.7
    hidden: float = 0.0


def draw(world: World, *, people: int, seed: int, rows: int = 1) -> TrialSample:
    """Return a sample of people, each with ``rows`` comparisons."""
    rng = np.random.default_rng(seed)
    count = people * rows
    person = np.repeat(np.arange(people), rows)
    # A part of each fact is the person's, so that their rows are alike.
    facts = 0.8 * rng.normal(size=(people, 3))[person] + 0.6 * rng.normal(
        size=(count, 3)
    )
    hidden = rng.normal(size=people)[person]
    lean = facts @ np.array([1.0, -0.6, 0.4])
    treated = rng.random(count) < _chance(
        -0.8 + world.push * lean + world.hidden * hidden
    )
    prices = rng.random(count) < _chance(-1 + 0.8 * lean + world.hidden * hidden)
    paid = rng.random(count) < _paying(facts, treated, hidden, world)
    return TrialSample(
        names=NAMES,
        covariates=np.column_stack([facts, prices]),
        treated=treated,
        outcome=paid,
        person=person,
    )


def planted_effect(world: World, *, people: int = 400_000) -> float:
    """Return the true effect on those it happens to, from many people."""
    rng = np.random.default_rng(1)
    facts, hidden = rng.normal(size=(people, 3)), rng.normal(size=people)
    lean = facts @ np.array([1.0, -0.6, 0.4])
    weight = _chance(-0.8 + world.push * lean + world.hidden * hidden)
    yes, no = np.ones(people, dtype=bool), np.zeros(people, dtype=bool)
    with_it = _paying(facts, yes, hidden, world)
    without = _paying(facts, no, hidden, world)
    return float(np.average(with_it - without, weights=weight))


def _paying(
    facts: Floats, treated: "np.typing.NDArray[np.bool_]", hidden: Floats, world: World
) -> Floats:
    lean = facts @ np.array([0.9, -0.5, 0.5])
    return _chance(-1.6 + lean + world.effect * treated + world.hidden * hidden)


def _chance(log_odds: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-log_odds))
    return found
