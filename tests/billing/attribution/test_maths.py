"""Parts are the whole, and effects those of a chain that is cut by hand."""

import random
from collections.abc import Hashable, Mapping
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import pytest

from billing.attribution.maths.chains import WalkedWay, removal_effects
from billing.attribution.maths.splitting import split
from billing.attribution.maths.weighing import AttributionModel, weights_of

DAY = timedelta(days=1)
MODELS = list(AttributionModel)


def parts(
    model: AttributionModel, amount: int, ages: list[float], **effects: float
) -> list[int]:
    assets = list(effects) or [str(number) for number in range(len(ages))]
    lengths = [age * DAY for age in ages]
    return split(amount, weights_of(model, assets, lengths, effects))


def test_a_touch_weighs_half_for_every_week_it_is_old() -> None:
    # The worked example of the metric's definition.
    assert parts(AttributionModel.DECAY, 10_000, [28, 14, 7, 1]) == [
        *(364, 1455, 2910, 5271)
    ]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (AttributionModel.FIRST, [1_000, 0, 0, 0]),
        (AttributionModel.LAST, [0, 0, 0, 1_000]),
        (AttributionModel.LINEAR, [250, 250, 250, 250]),
        (AttributionModel.POSITION, [400, 100, 100, 400]),
    ],
)
def test_a_model_by_place_divides_by_place(
    model: AttributionModel, expected: list[int]
) -> None:
    assert parts(model, 1_000, [9, 5, 3, 1]) == expected


def test_one_touch_gets_all_and_two_share_by_position() -> None:
    assert parts(AttributionModel.POSITION, 999, [1]) == [999]
    # The odd cent goes to the earlier.
    assert parts(AttributionModel.POSITION, 999, [2, 1]) == [500, 499]
    assert parts(AttributionModel.POSITION, 1_000, [3, 2, 1]) == [400, 200, 400]


def test_touches_of_one_asset_share_its_effect() -> None:
    weights = weights_of(
        AttributionModel.DATA,
        ["guide", "topic", "guide"],
        [3 * DAY, 2 * DAY, DAY],
        {"guide": 0.8, "topic": 0.2},
    )

    assert split(1_000, weights) == [400, 200, 400]


def test_what_is_left_goes_to_the_largest_fractions_then_to_the_earliest() -> None:
    assert split(10, [1, 1, 1]) == [4, 3, 3]
    assert split(10, [3, 3, 1]) == [4, 4, 2]
    assert split(5, [2, 3, 5]) == [1, 2, 2]


def test_what_goes_back_takes_away_what_was_given() -> None:
    assert split(-1_001, [3, 3, 1]) == [-part for part in split(1_001, [3, 3, 1])]
    assert split(0, [1, 2]) == [0, 0]


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_nothing_is_divided_by_no_weight(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(100, weights)


@pytest.mark.parametrize("model", MODELS)
def test_parts_are_the_invoice_for_a_thousand_random_ways(
    model: AttributionModel,
) -> None:
    dice = random.Random(11)  # noqa: S311 - the same ways each time
    for _ in range(1_000):
        count = dice.randint(1, 40)
        assets = [f"page-{dice.randrange(12)}" for _ in range(count)]
        ages = sorted((dice.random() * 90 * DAY for _ in range(count)), reverse=True)
        effects: Mapping[Hashable, float] = {one: dice.random() for one in set(assets)}
        weights = weights_of(model, assets, ages, effects)
        amount = dice.choice([0, 1, 7, 99, 2_000, 7_499, 3_000_001, 10**15 + 1])

        found = split(amount, weights)

        assert sum(found) == amount
        assert len(found) == count
        # Each is its quota rounded up or down, never further from it.
        for part, weight in zip(found, weights, strict=True):
            assert abs(Fraction(amount * weight, sum(weights)) - part) < 1


def test_an_asset_on_every_paid_way_has_the_whole_effect() -> None:
    effects = removal_effects(
        [
            WalkedWay(("ad", "guide"), is_paid=True),
            WalkedWay(("search", "guide"), is_paid=True),
            WalkedWay(("search",), is_paid=False),
        ]
    )

    # All pass the guide; half of them came by the advertisement.
    assert effects["guide"] == pytest.approx(1.0)
    assert effects["ad"] == pytest.approx(0.5)
    assert effects["search"] == pytest.approx(0.5)


def test_without_purchases_nothing_has_an_effect() -> None:
    assert removal_effects([WalkedWay(("ad",), is_paid=False)]) == {}
    assert removal_effects([WalkedWay((), is_paid=True)]) == {}


def test_a_way_that_stands_for_many_counts_as_many() -> None:
    once = [WalkedWay(("a", "b"), is_paid=True)]
    as_one = removal_effects([*once, WalkedWay(("a",), is_paid=False, count=7.0)])
    as_many = removal_effects([*once, *[WalkedWay(("a",), is_paid=False)] * 7])

    assert as_one == pytest.approx(as_many)


def test_effects_equal_those_of_chains_that_are_cut_by_hand() -> None:
    dice = random.Random(4)  # noqa: S311 - the same chains each time
    for _ in range(150):
        ways = [
            WalkedWay(
                tuple(dice.choice("abcde") for _ in range(dice.randint(1, 6))),
                is_paid=dice.random() < 0.4,
                count=float(dice.randint(1, 5)),
            )
            for _ in range(dice.randint(2, 9))
        ]
        ways.append(WalkedWay(("a", "b"), is_paid=True))

        found = removal_effects(ways)

        whole = _purchases(ways, without=None)
        for asset in found:
            lost = 1 - _purchases(ways, without=asset) / whole
            assert found[asset] == pytest.approx(float(lost), abs=1e-9)


def _purchases(ways: list[WalkedWay], *, without: Hashable | None) -> Fraction:
    """Return the chance of a purchase, by elimination in exact fractions.

    What leads to the asset that is taken out leads nowhere.
    """
    moves: dict[Hashable, dict[Hashable, Fraction]] = {}
    for way in ways:
        steps: list[Hashable] = ["(start)", *way.assets]
        steps.append("(paid)" if way.is_paid else "(gone)")
        for source, target in pairwise(steps):
            onwards = moves.setdefault(source, {})
            onwards[target] = onwards.get(target, Fraction(0)) + Fraction(way.count)
    states = [state for state in moves if state != without]
    rows = []
    for state in states:
        total = sum(moves[state].values())
        shares = {target: count / total for target, count in moves[state].items()}
        row = [Fraction(state == other) - shares.get(other, 0) for other in states]
        rows.append([*row, Fraction(shares.get("(paid)", 0))])
    for place in range(len(states)):
        pivot = next(each for each in range(place, len(rows)) if rows[each][place])
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [value / rows[place][place] for value in rows[place]]
        for other, row in enumerate(rows):
            if other != place and row[place]:
                factor = row[place]
                rows[other] = [
                    mine - factor * theirs
                    for mine, theirs in zip(row, rows[place], strict=True)
                ]
    return rows[states.index("(start)")][-1]
