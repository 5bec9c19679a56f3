"""Which models people prefer, from blind votes alone.

A Bradley–Terry model: a beats b with probability 1 / (1 + 10^((b − a) / 400)). A tie,
and "all were bad", is half a win for either. Strengths are found by Newton's method on
a concave likelihood, intervals from its curvature at the top.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber

from design.markdown.cjk import is_cjk
from inference.playground.models import Vote

# The scale of chess: 400 points are odds of ten to one. Its middle is custom.
_POINTS = 400 / math.log(10)
_MIDDLE = 1000  # as above
# 97.5 % of a normal distribution lie below so many deviations.
_Z = 1.959964
# Below, the interval is wider than ± 125 points: odds of two to one.
FEWEST = 30
# So many of one person's votes on the same models count: a taste, not a campaign.
MOST_OF_ONE_PERSON = 10
# Each model has drawn once with an average one: who never lost is not infinitely good.
_PRIOR = 1.0
# Steps of Newton's method; it doubles its digits with each, and six have been enough.
_STEPS = 50
# In units of a strength, of which a point is 0.006: nothing that a page shows.
_CLOSE_ENOUGH = 1e-9

Contest = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rank:
    """One model's place. Points with a 95 % interval; none where there are too few."""

    model: str
    votes: int
    wins: int
    ties: int
    bad: int
    points: int | None
    low: int | None
    high: int | None
    # Nobody is better beyond chance: the best of them all is 1.
    place: int | None

    @property
    def losses(self) -> int:
        return self.votes - self.wins - self.ties - self.bad

    @property
    def is_enough(self) -> bool:
        return self.points is not None


@dataclass(frozen=True, slots=True)
class Tally:
    """So many votes of one kind on the same models."""

    columns: tuple[str, ...]
    verdict: str
    winner: str
    count: int


def ranking(language: str = "") -> list[Rank]:
    """Return all models that were voted on, the best first, in two languages or one."""
    return ranked(_tallies(language))


def ranked(tallies: Iterable[Tally]) -> list[Rank]:
    """Return the models of some votes, the best first; those with too few come last."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    wins: dict[Contest, float] = defaultdict(float)
    for tally in tallies:
        for model in tally.columns:
            counts[model]["votes"] += tally.count
            if tally.verdict != Vote.Verdict.WIN:
                counts[model][tally.verdict] += tally.count
        if tally.winner:
            counts[tally.winner]["win"] += tally.count
        for contest, won in _contests(tally):
            wins[contest] += won
    models = sorted(counts)
    enough = {model for model in models if counts[model]["votes"] >= FEWEST}
    strengths = _centred(models, enough, *_fit(models, wins))
    ranks = []
    for model, count in counts.items():
        strength, deviation = strengths[model]
        is_enough = model in enough
        middle = _MIDDLE + strength * _POINTS
        reach = _Z * deviation * _POINTS
        ranks.append(
            Rank(
                model=model,
                votes=count["votes"],
                wins=count["win"],
                ties=count["tie"],
                bad=count["bad"],
                points=round(middle) if is_enough else None,
                low=round(middle - reach) if is_enough else None,
                high=round(middle + reach) if is_enough else None,
                place=None,
            )
        )
    ranks.sort(key=lambda each: (-(each.points or -math.inf), each.model))
    return [_placed(each, ranks) for each in ranks]


def language_of(text: str) -> str:
    """Return "zh" or "en" for a prompt, or nothing where it has no letters."""
    # Code and names are Latin in either: a sixth of Chinese is a Chinese question.
    letters = sum(character.isalpha() for character in text)
    chinese = sum(map(is_cjk, text))
    if not letters:
        return ""
    return "zh" if chinese * 6 >= letters else "en"


def gives_itself_away(said: Sequence[str], models: Sequence[str]) -> bool:
    """Tell whether a model named itself, however it spaces the name.

    ``said`` is what each column said. What the others name as well, such as a model in
    a piece of code, tells nobody who is who.
    """
    bare = [_bare(text) for text in said]
    for column, model in enumerate(models):
        name = _bare(model)
        others = bare[:column] + bare[column + 1 :]
        if name in bare[column] and not any(name in text for text in others):
            return True
    return False


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _tallies(language: str) -> list[Tally]:
    """Return the votes that count, in one query."""
    votes = Vote.objects.filter(is_counted=True)
    if language:
        votes = votes.filter(language=language)
    # The people of deleted accounts are one nobody: their votes count as one person's.
    numbered = votes.annotate(
        turn=Window(
            RowNumber(),
            partition_by=[F("voter"), F("columns")],
            order_by=F("pk").desc(),
        )
    ).filter(turn__lte=MOST_OF_ONE_PERSON)
    counted = (
        Vote.objects.filter(pk__in=numbered.values("pk"))
        .values_list("columns", "verdict", "winner")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return [
        Tally(tuple(columns), verdict, winner, count)
        for columns, verdict, winner, count in counted
    ]


def _contests(tally: Tally) -> Iterable[tuple[Contest, float]]:
    """Yield who beat whom, and how often; half a win each where nobody did."""
    for one, other in combinations(tally.columns, 2):
        if tally.verdict != Vote.Verdict.WIN:
            yield (one, other), tally.count / 2
            yield (other, one), tally.count / 2
        elif tally.winner in (one, other):
            loser = other if tally.winner == one else one
            yield (tally.winner, loser), float(tally.count)


def _fit(
    models: Sequence[str], wins: dict[Contest, float]
) -> tuple[list[float], list[list[float]]]:
    """Return the natural logs of the models' strengths, and their covariance."""
    size = len(models)
    index = {model: number for number, model in enumerate(models)}
    contests = [(index[one], index[other], won) for (one, other), won in wins.items()]
    theta = [0.0] * size
    covariance: list[list[float]] = []
    for _step in range(_STEPS):
        slope, curvature = _at(theta, contests)
        covariance = _inverse(curvature)
        step = [
            sum(a * b for a, b in zip(row, slope, strict=True)) for row in covariance
        ]
        # Far from the top a whole step may lead beyond it.
        longest = max(map(abs, step), default=0.0)
        scale = min(1.0, 1.0 / longest) if longest else 1.0
        theta = [at + scale * change for at, change in zip(theta, step, strict=True)]
        if longest < _CLOSE_ENOUGH:
            break
    return theta, covariance


def _at(
    theta: Sequence[float], contests: Iterable[tuple[int, int, float]]
) -> tuple[list[float], list[list[float]]]:
    """Return the likelihood's slope and curvature where the strengths are ``theta``."""
    size = len(theta)
    slope = [0.0] * size
    curvature = [[0.0] * size for _row in range(size)]
    for number in range(size):
        # The draw against the average, whose strength is 0.
        chance = _chance(theta[number])
        slope[number] += _PRIOR * (0.5 - chance)
        curvature[number][number] += _PRIOR * chance * (1 - chance)
    for one, other, won in contests:
        chance = _chance(theta[one] - theta[other])
        slope[one] += won * (1 - chance)
        slope[other] -= won * (1 - chance)
        weight = won * chance * (1 - chance)
        curvature[one][one] += weight
        curvature[other][other] += weight
        curvature[one][other] -= weight
        curvature[other][one] -= weight
    return slope, curvature


def _centred(
    models: Sequence[str],
    enough: set[str],
    theta: Sequence[float],
    covariance: Sequence[Sequence[float]],
) -> dict[str, tuple[float, float]]:
    """Return each strength above the mean of those with enough votes, and its error.

    What all have in common is custom, not knowledge, and would widen each interval.
    """
    among = [number for number, model in enumerate(models) if model in enough]
    count = len(among) or 1
    mean = sum(theta[number] for number in among) / count
    shared = sum(covariance[a][b] for a in among for b in among) / count**2
    found = {}
    for number, model in enumerate(models):
        with_mean = sum(covariance[number][other] for other in among) / count
        variance = covariance[number][number] - 2 * with_mean + shared
        found[model] = (theta[number] - mean, math.sqrt(max(variance, 0.0)))
    return found


def _chance(difference: float) -> float:
    return 1 / (1 + math.exp(-difference))


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """Return the inverse of a positive definite matrix, by Gauss and Jordan.

    There are as many rows as models: a library for it would be the larger part.
    """
    size = len(matrix)
    rows = [
        [*row, *(1.0 if column == number else 0.0 for column in range(size))]
        for number, row in enumerate(matrix)
    ]
    for pivot in range(size):
        divisor = rows[pivot][pivot]
        rows[pivot] = [value / divisor for value in rows[pivot]]
        for number in range(size):
            factor = rows[number][pivot]
            if number != pivot and factor:
                rows[number] = [
                    value - factor * own
                    for value, own in zip(rows[number], rows[pivot], strict=True)
                ]
    return [row[size:] for row in rows]


def _placed(rank: Rank, ranks: Sequence[Rank]) -> Rank:
    """Give a model its place: one more than those that are better beyond chance."""
    if rank.high is None:
        return rank
    better = sum(other.low is not None and other.low > rank.high for other in ranks)
    return Rank(
        model=rank.model,
        votes=rank.votes,
        wins=rank.wins,
        ties=rank.ties,
        bad=rank.bad,
        points=rank.points,
        low=rank.low,
        high=rank.high,
        place=better + 1,
    )
