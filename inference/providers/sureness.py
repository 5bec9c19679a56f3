"""How sure it is that the best passage answers, and what is worth saying beside it."""

import math
from dataclasses import dataclass

from inference.providers.passages import Excerpt, Ranking


@dataclass(frozen=True, slots=True)
class Sure:
    """What makes it sure that the best passage answers; above ``enough`` it does.

    How near its nearest line is and the nearest question it is said to answer, whether
    it says none (``bare``; the line stands in), how far it stands out, how much of the
    question no page speaks of, how much the question says (a word or two are near many
    things), how much of it the passage speaks of, whether that writes a name that is
    asked about, and whether it is Chinese, where the model keeps less apart.

    Fitted by logistic regression to whether a question has an answer, on the judged
    questions that are tuned on. ``enough`` is where 80 of 100 that nothing answers are
    refused, cross-validated: 84 of 100 others are answered then, and pages that come
    close are named to most of the rest. Refusing 90 would answer 74.
    """

    line: float
    asked: float
    bare: float
    margin: float
    unknown: float
    size: float
    enough: float
    coverage: float = 0.0
    named: float = 0.0
    chinese: float = 0.0


# In the question's own language.
OWN = Sure(
    line=12.3,
    asked=35.5,
    bare=1.79,
    margin=0.14,
    unknown=-2.3,
    size=1.5,
    coverage=1.47,
    named=3.13,
    chinese=0.36,
    enough=13.35,
)
# In the other language, whose words the question does not share: there neither what
# the passage speaks of nor a name told anything more.
TRANSLATED = Sure(
    line=16.3,
    asked=40.3,
    bare=0.43,
    margin=0.295,
    unknown=-2.26,
    size=2.38,
    enough=13.6,
)
# A further page is quoted when it is this close behind, in units of ``SPREAD``.
CLOSE = 2.5
# … and named, when it is within this.
RELATED = 10.0

# By words alone: the share of the question a passage has to speak of to be quoted …
MIN_COVERAGE = 0.45
# … and one of its sentences, with its heading.
MIN_SENTENCE = 0.43
# Of three the best one is still found at a glance.
MAX_SOURCES = 3
# A page that says this much less than the best one distracts.
WORTH_QUOTING = 0.7


def sureness(ranking: Ranking | None, *, is_translated: bool = False) -> float:
    """Return how sure it is that the best passage answers: above 0 is sure enough.

    ``is_translated`` ones are in another language than the question.
    """
    if ranking is None or not ranking.excerpts:
        return -math.inf
    best = ranking.excerpts[0]
    if best.nearness is None:
        # Where nothing is embedded, whichever passage speaks of enough.
        return max(map(sureness_of_words, ranking.excerpts))
    sure = TRANSLATED if is_translated else OWN
    near = best.nearness
    asked = near.line if near.asked is None else near.asked
    return (
        sure.line * near.line
        + sure.asked * asked
        + sure.bare * (near.asked is None)
        + sure.margin * ranking.margin
        + sure.unknown * ranking.weights.unknown
        + sure.size * math.log(ranking.size)
        + sure.coverage * best.coverage
        + sure.named * best.is_named
        + sure.chinese * (best.passage.locale == "zh-hans")
        - sure.enough
    )


def gap(one: Ranking | None, other: Ranking | None) -> float:
    """Return how much less near in meaning the best of one ranking is; 0 if unknown."""
    if one is None or other is None or not one.excerpts or not other.excerpts:
        return 0.0
    near, others = one.excerpts[0].nearness, other.excerpts[0].nearness
    return others.line - near.line if near and others else 0.0


def sureness_of_words(excerpt: Excerpt) -> float:
    """Return by how much a passage speaks of enough of the question."""
    return min(excerpt.coverage - MIN_COVERAGE, excerpt.at_once - MIN_SENTENCE)


def is_worth_quoting(excerpt: Excerpt, best: Excerpt) -> bool:
    """Tell whether a further page says nearly as much as the best one."""
    if excerpt.nearness is None:
        return excerpt.words >= best.words * WORTH_QUOTING
    return excerpt.score > best.score - CLOSE


def is_related(excerpt: Excerpt, best: Excerpt) -> bool:
    """Tell whether a further page is worth naming beside the best one."""
    if excerpt.nearness is None:
        return sureness_of_words(excerpt) > 0
    return excerpt.score > best.score - RELATED
