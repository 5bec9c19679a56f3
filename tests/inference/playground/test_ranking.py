"""Which models people prefer: the arithmetic, and which votes it is made of."""

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from django.test import Client

from inference.playground.models import Vote
from inference.playground.ranking import (
    FEWEST,
    MOST_OF_ONE_PERSON,
    Tally,
    gives_itself_away,
    language_of,
    ranked,
    ranking,
)


def won(winner: str, loser: str, count: int) -> Tally:
    return Tally((winner, loser), "win", winner, count)


def cast(voter: Any, winner: str = "", verdict: str = "win", **fields: Any) -> Vote:
    return Vote.objects.create(
        voter=voter, columns=["a", "b"], winner=winner, verdict=verdict, **fields
    )


def test_points_are_those_of_an_independent_fit() -> None:
    # Bradley-Terry is a logistic regression on who met whom; statsmodels has none of
    # our code. The draw of each model against an average one is a row of its own.
    models = ["a", "b", "c", "d"]
    draw = random.Random(7)  # noqa: S311 - any will do
    strength = {"a": 0.9, "b": 0.2, "c": 0.0, "d": -0.8}
    tallies = []
    rows: list[list[int]] = []
    outcomes: list[int] = []
    weights: list[float] = []
    for one in models:
        for other in models:
            if one >= other:
                continue
            count = 60
            chance = 1 / (1 + math.exp(strength[other] - strength[one]))
            first = sum(draw.random() < chance for _ in range(count))
            tallies += [won(one, other, first), won(other, one, count - first)]
            row = [(m == one) - (m == other) for m in models]
            rows += [row, row]
            outcomes += [1, 0]
            weights += [first, count - first]
    for model in models:
        row = [int(m == model) for m in models]
        rows += [row, row]
        outcomes += [1, 0]
        weights += [0.5, 0.5]
    fit = sm.GLM(
        np.array(outcomes),
        np.array(rows, dtype=float),
        family=sm.families.Binomial(),
        freq_weights=np.array(weights, dtype=float),
    ).fit()
    # Above the mean of the four.
    centre = np.eye(4) - 0.25
    points = 1000 + centre @ fit.params * 400 / math.log(10)
    spread = np.sqrt(np.diag(centre @ fit.cov_params() @ centre.T))
    reach = 1.959964 * spread * 400 / math.log(10)

    ranks = {rank.model: rank for rank in ranked(tallies)}

    for index, model in enumerate(models):
        rank = ranks[model]
        assert rank.points == pytest.approx(points[index], abs=1)
        assert rank.low == pytest.approx(points[index] - reach[index], abs=1)
        assert rank.high == pytest.approx(points[index] + reach[index], abs=1)
    assert [rank.model for rank in ranked(tallies)] == ["a", "b", "c", "d"]


def test_who_never_lost_has_a_finite_place_with_a_wide_interval() -> None:
    first, second = ranked([won("a", "b", FEWEST)])

    assert first.model == "a"
    assert first.points is not None
    assert first.high is not None
    assert first.low is not None
    assert first.points < 2000
    assert first.high - first.low > 200
    assert (first.wins, first.losses, second.wins, second.losses) == (
        FEWEST,
        0,
        0,
        FEWEST,
    )


def test_models_that_chance_may_have_ordered_share_a_place() -> None:
    close = ranked([won("a", "b", 16), won("b", "a", 15)])
    clear = ranked([won("a", "b", 400), won("b", "a", 100)])

    assert [rank.place for rank in close] == [1, 1]
    assert [rank.place for rank in clear] == [1, 2]


def test_below_the_bound_there_are_no_points() -> None:
    few = ranked([won("a", "b", FEWEST - 1)])

    assert [(rank.points, rank.place, rank.is_enough) for rank in few] == [
        (None, None, False)
    ] * 2


def test_a_tie_and_all_bad_are_half_a_win_for_each() -> None:
    ranks = ranked([Tally(("a", "b"), "tie", "", 20), Tally(("a", "b"), "bad", "", 20)])

    assert [(rank.points, rank.ties, rank.bad, rank.losses) for rank in ranks] == [
        (1000, 20, 20, 0)
    ] * 2


def test_the_best_of_three_beat_both_others() -> None:
    ranks = ranked([Tally(("a", "b", "c"), "win", "b", 40)])

    assert ranks[0].model == "b"
    assert ranks[1].points == ranks[2].points
    assert {rank.votes for rank in ranks} == {40}


@pytest.mark.parametrize("size", [2, 60])
def test_it_ends_at_the_top_however_many_models_and_votes(size: int) -> None:
    tallies = [
        won(f"m{one}", f"m{other}", 1_000 * (one < other) + 1)
        for one in range(size)
        for other in range(size)
        if one != other
    ]

    ranks = ranked(tallies)

    assert [rank.model for rank in ranks] == [f"m{number}" for number in range(size)]
    assert all(math.isfinite(rank.points or 0) for rank in ranks)


@pytest.mark.django_db
def test_votes_are_counted_by_language_and_only_those_that_were_blind(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    cast(ada, "a", language="en")
    cast(ada, "b", language="zh")
    cast(ada, "", "tie", language="")
    cast(ada, "a", language="en", is_counted=False)

    by_language = {
        language: sum(rank.votes for rank in ranking(language)) // 2
        for language in ("", "en", "zh")
    }

    assert by_language == {"": 3, "en": 1, "zh": 1}


@pytest.mark.django_db
def test_of_one_person_only_so_many_votes_on_the_same_models_count(
    person: Callable[..., Any],
) -> None:
    ada, ben = person("ada"), person("ben")
    for _number in range(MOST_OF_ONE_PERSON + 5):
        cast(ada, "a")
    cast(ben, "b")

    ranks = {rank.model: rank for rank in ranking()}

    assert (ranks["a"].wins, ranks["b"].wins) == (MOST_OF_ONE_PERSON, 1)


@pytest.mark.django_db
def test_anybody_reads_the_ranking(client: Client, person: Callable[..., Any]) -> None:
    empty = client.get("/playground/ranking/").content.decode()
    cast(person("ada"), "a")

    html = client.get("/playground/ranking/?language=").content.decode()

    assert "No vote yet" in empty
    assert "too few" in html
    assert client.get("/playground/ranking/?language=xx").status_code == 400


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I stream?", "en"),
        ("怎么流式输出？", "zh"),
        ("请解释 client.chat.completions.create 的参数", "zh"),
        ("What does 你好 mean, and how is it pronounced?", "en"),
        ("1 + 1 = ?", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_prompt(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_new_model_with_few_votes_widens_nobodys_interval() -> None:
    before = ranked([won("a", "b", 300), won("b", "a", 200)])

    after = ranked([won("a", "b", 300), won("b", "a", 200), won("c", "a", 1)])

    assert (after[0].low, after[0].high) == pytest.approx(
        (before[0].low, before[0].high), abs=2
    )


def test_a_model_that_names_itself_is_found_however_it_spaces_the_name() -> None:
    models = ["doorstone-docs-pro", "tiny"]

    assert gives_itself_away(["I am Doorstone Docs Pro.", "Me, too."], models)
    assert not gives_itself_away(["The docs of Doorstone.", "Yes."], models)
    # Both quote the same code.
    assert not gives_itself_away(['model="tiny"', 'model="tiny"'], models)
    # The other one's name says nothing of who speaks.
    assert not gives_itself_away(["Not tiny.", "No."], models)
