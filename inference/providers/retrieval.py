"""Finding what answers a question: by words and by meaning, in either language.

Both ways give ranks; sections are taken in the order of their reciprocal ranks and
then looked at closely (``passages.rank``). A page that is only written in the other
language takes part by its meaning. What is found is either sure enough to be quoted or
not: nobody is told what only sounds alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inference.providers import passages, sureness
from inference.providers.passages import Excerpt, Ranking
from inference.providers.questions import Question
from search.meaning import Nearness, Vector, nearness_of
from search.queries import Passage, frequencies, nearest, page_of, twins_of
from search.queries import passages as find_passages

# Sections each way may name …
BY_WORDS = 150
BY_MEANING = 40  # as above
# … and how many of all are looked at closely.
LOOKED_AT = 80
# How soon the lower ranks stop counting: the usual one (Cormack et al., 2009).
RECIPROCAL = 60
# By how much less near a passage in the other language may be to be considered: what is
# about something else is 0.05 to 0.1 less near than its like in the question's own.
LANGUAGE_GAP = 0.04
# How much surer it has to be where there are pages in the question's own language:
# those had their chance, and two chances are twice as often wrong.
SECOND_CHANCE = 1.0
# Where nothing is sure, so many pages are named: as many as are cited elsewhere …
MOST_LEADS = 3
# … if the best is surer than this: to 97 of 100 that have an answer something is said
# then, and to 47 of 100 that have none nothing (tuned on).
LEADS_HAVE_TO_BE = -1.5
# How sure older versions have to be when nobody named one (``sureness.sureness``).
OLDER_HAS_TO_BE = 1.0

LANGUAGES = ("en", "zh-hans")


@dataclass(frozen=True, slots=True)
class Found:
    """A passage to cite, with what it says, or with nothing: then it is only named."""

    passage: Passage
    quotation: str
    coverage: float

    @property
    def ends_in_a_frame(self) -> bool:
        """Tell whether the quotation ends in code or in a table."""
        return self.quotation.endswith(("```", "~~~", "|"))


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question, who may be told what, and what it means where that is known."""

    question: Question
    audiences: Sequence[str]
    meant: Vector | None

    @property
    def languages(self) -> Sequence[str]:
        """Return the question's language, then the other one."""
        return LANGUAGES[::-1] if self.question.is_chinese else LANGUAGES


@dataclass(frozen=True, slots=True)
class IndexPart:
    """A part of the index: what kind of thing, and in which language and versions."""

    kinds: tuple[str, ...]
    labels: tuple[str, ...]
    language: str | None = None
    versions: tuple[str, ...] = ()


def current(asked: Lookup) -> tuple[list[Found], list[Found]]:
    """Return what the current documentation answers, the best first.

    Where nothing is sure to answer, the second list has the pages that come closest.
    """
    own, other = (
        _ranked(asked, IndexPart(("doc",), ("current",), language), is_own=is_own)
        for language, is_own in zip(asked.languages, (True, False), strict=True)
    )
    found = _cited(*_in_order(own, other))
    return found, [] if found else _leads(own, other)


def _leads(own: Ranking | None, other: Ranking | None) -> list[Found]:
    """Return pages to name, not to quote: of the question's own language, if any."""
    ranking = other if own is None else own
    sure = sureness.sureness(ranking, is_translated=own is None)
    # By words alone there are none: what shares a word is mostly about something else.
    if ranking is None or not ranking.has_meaning or sure <= LEADS_HAVE_TO_BE:
        return []
    named = ranking.excerpts[:MOST_LEADS]
    return [Found(each.passage, "", each.coverage) for each in named]


def with_more(asked: Lookup, found: list[Found]) -> list[Found]:
    """Return what the current documentation says first, then the best of the rest.

    So the larger model tells all that the smaller one tells. A question that names an
    older version is about that one.
    """
    older = _older(asked)
    if older and asked.question.versions:
        return [*older, *found][: sureness.MAX_SOURCES + 1]
    topics = _topics(asked)
    if not found:
        more = sorted([*older, *topics], key=lambda each: -each.coverage)
        return more[: sureness.MAX_SOURCES]
    # Less than the current page says was left behind with its version.
    surer = [each for each in older if each.coverage > found[0].coverage]
    return [*found, *[*topics, *surer][:1]]


def _older(asked: Lookup) -> list[Found]:
    """Return what the versions that are named answer, or any before the current one.

    Those that nobody named have to be surer: what the current pages do not answer is
    rarely answered by what they replaced.
    """
    versions = asked.question.versions
    least = 0.0 if versions else OLDER_HAS_TO_BE
    rankings = []
    for language, is_own in zip(asked.languages, (True, False), strict=True):
        part = IndexPart(("doc",), (), language, tuple(sorted(versions)))
        rankings.append(_ranked(asked, part, is_own=is_own, is_older=True))
    return _cited(*_in_order(*rankings, least=least))


def _topics(asked: Lookup) -> list[Found]:
    """Return what solved topics answer; they are in any language."""
    ranking = _ranked(asked, IndexPart(("topic",), ("solved",)), is_own=True)
    return _cited(*_in_order(ranking, None))


def _found(asked: Lookup, part: IndexPart) -> list[Passage]:
    """Return sections in the order of their reciprocal ranks, by words and meaning."""
    by_words = find_passages(
        asked.audiences,
        " ".join(asked.question.terms),
        kinds=part.kinds,
        labels=part.labels,
        locale=part.language,
        versions=part.versions,
        limit=BY_WORDS,
    )
    if asked.meant is None:
        return by_words
    by_meaning = nearest(
        asked.audiences,
        asked.meant,
        kinds=part.kinds,
        labels=part.labels,
        locale=part.language,
        versions=part.versions,
        limit=BY_MEANING,
    )
    return fused(by_words, by_meaning)[:LOOKED_AT]


def fused(*rankings: Sequence[Passage]) -> list[Passage]:
    """Return what is in any of the rankings, by the sum of its reciprocal ranks."""
    sums: dict[tuple[str, int, int], float] = {}
    known: dict[tuple[str, int, int], Passage] = {}
    for ranking in rankings:
        for place, passage in enumerate(ranking, start=1):
            key = (passage.kind, passage.object_id, passage.part)
            known.setdefault(key, passage)
            sums[key] = sums.get(key, 0.0) + 1 / (RECIPROCAL + place)
    return sorted(known.values(), key=lambda each: -sums[_key(each)])


def _key(passage: Passage) -> tuple[str, int, int]:
    return (passage.kind, passage.object_id, passage.part)


def _ranked(
    asked: Lookup, part: IndexPart, *, is_own: bool, is_older: bool = False
) -> Ranking | None:
    """Return what a part of the index says, looked at closely.

    Of the other language only pages that do not exist in the question's own.
    """
    found = _found(asked, part)
    if is_older:
        found = [passage for passage in found if "current" not in passage.labels]
    if not is_own and found:
        twins = twins_of(found, asked.languages[0])
        found = [each for each in found if page_of(each.url) not in twins]
    if not found:
        return None
    nearness: Sequence[Nearness | None] = [None] * len(found)
    if asked.meant is not None:
        nearness = nearness_of(
            asked.meant,
            [(each.title, each.heading, each.text, each.asked) for each in found],
        )
    words = frequencies(
        kinds=part.kinds,
        labels=part.labels,
        locale=part.language,
        versions=part.versions,
    )
    return passages.rank(asked.question, found, nearness, words)


def _in_order(
    own: Ranking | None, other: Ranking | None, *, least: float = 0.0
) -> tuple[Ranking | None, Ranking | None]:
    """Return the ranking that answers first, and the one that adds to it, if sure."""
    is_sure = sureness.sureness(own) > least
    gap = sureness.gap(other, own)
    # A passage in the question's language is nearer by that alone. One in another
    # language that is nearly as near says more, and says most when it is nearer still.
    enough = least if own is None else least + SECOND_CHANCE
    is_worth_it = (
        sureness.sureness(other, is_translated=True) > enough and gap < LANGUAGE_GAP
    )
    if not is_worth_it:
        return (own if is_sure else None), None
    if not is_sure:
        return other, None
    return (other, own) if gap < 0 else (own, other)


def _cited(first: Ranking | None, second: Ranking | None) -> list[Found]:
    """Return the passages to cite, the first of them quoted whole."""
    cited: list[Found] = []
    for ranking in (first, second):
        for excerpt in _worth_citing(ranking):
            if len(cited) < sureness.MAX_SOURCES and ranking is not None:
                cited.append(_quoted(ranking, excerpt, cited))
    return cited


def _worth_citing(ranking: Ranking | None) -> Iterable[Excerpt]:
    if ranking is None:
        return []
    excerpts = [
        each
        for each in ranking.excerpts
        if sureness.is_related(each, ranking.excerpts[0])
    ]
    return excerpts[: sureness.MAX_SOURCES]


def _quoted(ranking: Ranking, excerpt: Excerpt, before: Sequence[Found]) -> Found:
    quotation = ""
    if not before or sureness.is_worth_quoting(excerpt, ranking.excerpts[0]):
        quotation = ranking.quote(excerpt, is_first=not before)
    if any(quotation == each.quotation for each in before):
        quotation = ""
    return Found(excerpt.passage, quotation, excerpt.coverage)
