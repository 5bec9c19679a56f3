"""Choosing the sentences that answer a question, from passages that were found.

Nothing is invented: an answer is made of sentences of this site's own pages, each
with the page it is from. What covers too little of the question is not said.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from search.queries import Passage
from search.text import lexemes, stem, words

# Words that say how something is asked, not what about.
_FILLER = frozenset(
    [
        "a",
        "about",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "explain",
        "for",
        "from",
        "get",
        "give",
        "happens",
        "have",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "make",
        "may",
        "many",
        "me",
        "much",
        "my",
        "need",
        "of",
        "on",
        "or",
        "please",
        "should",
        "so",
        "somebody",
        "someone",
        "something",
        "tell",
        "that",
        "the",
        "their",
        "them",
        "there",
        "this",
        "to",
        "use",
        "using",
        "want",
        "was",
        "we",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
# The longest first; one character is only taken off where it cannot be half a word.
_FILLER_HAN = re.compile(
    "为什么|怎么样|怎么办|请问|如何|怎样|怎么|什么|可以|哪些|哪里|哪个|多少|是否|一个|告诉|意思"
    "|能不能|会不会|需要|应该|[吗呢吧的了是我您]|^[请能在会]"
)
# A sign in the middle of ``0.9`` or ``choices[0].text`` ends nothing.
_SENTENCE = re.compile(
    r"(?:[^。！？.!?\n]|[.!?](?=\S))+(?:[。！？]+|[.!?]+(?=\s|$)|\n|$)"
)
_VERSION = re.compile(r"\bv?(\d+\.\d+)\b")
_CODE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1\s*$", re.DOTALL | re.MULTILINE)
_GROUPED = re.compile(r"(?<=\d)[ ,\u00a0\u202f](?=\d{3}\b)")

MIN_COVERAGE = 0.42
# Somewhere, one sentence under its heading has to say this much of it.
MIN_SENTENCE = 0.4
MAX_SENTENCES = 4
MAX_SOURCES = 3
MAX_UNITS = 40
# A heading about the very thing says more than a mention in passing.
HEAD_SHARE = 0.4
BRIEF = 500
# Two characters of Chinese are about one word of English.
HAN_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Unit:
    """One word or Han character asked about, and the lexemes that speak of it."""

    lexemes: frozenset[str]
    weight: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about, without how it is asked, and the language it is in."""

    text: str
    units: tuple[Unit, ...]
    # What to search for, in the order of the question.
    terms: tuple[str, ...]
    is_chinese: bool

    @property
    def is_brief(self) -> bool:
        """Tell whether it says too little to stand alone."""
        return sum(unit.weight for unit in self.units) < 3


@dataclass(slots=True)
class Excerpt:
    """What one page says to a question."""

    passage: Passage
    sentences: list[str]
    code: str = ""
    coverage: float = 0.0
    score: float = 0.0


@dataclass(slots=True)
class _Weights:
    """How telling each unit is: what few passages speak of tells most."""

    of_unit: dict[Unit, float]
    total: float = field(init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.of_unit.values()) or 1.0

    def covered(self, found: set[str]) -> float:
        """Return the share of the question that ``found`` speaks of."""
        return self.sum(found) / self.total

    def sum(self, found: set[str]) -> float:
        return sum(
            weight for unit, weight in self.of_unit.items() if unit.lexemes & found
        )


def understand(text: str) -> Question:
    """Return what a question is about, without how it is asked."""
    units: list[Unit] = []
    terms: list[str] = []
    han_length = 0
    before = ""
    for run, is_han in words(_folded(_VERSION.sub(" ", text))):
        if is_han:
            han_length += len(run)
            for part in _FILLER_HAN.sub(" ", run).split():
                units += _han_units(part)
                terms += _pairs(part) or [part]
            before = ""
        elif run in _FILLER or len(run) == 1:
            before = ""
        else:
            spoken = {stem(run)}
            if before:
                # ``back up`` is written ``backup`` elsewhere.
                joined = before + run
                spoken.add(stem(joined))
                units[-1] = Unit(units[-1].lexemes | {stem(joined)}, 1.0)
                terms.append(joined)
            units.append(Unit(frozenset(spoken), 1.0))
            terms.append(run)
            before = run
    return Question(
        text,
        tuple(dict.fromkeys(units))[:MAX_UNITS],
        tuple(dict.fromkeys(terms)),
        is_chinese=han_length >= 2,
    )


def _han_units(run: str) -> Iterator[Unit]:
    """Yield a run's characters; each is spoken of by either pair it is in."""
    pairs = _pairs(run)
    if not pairs:
        yield Unit(frozenset([run]), HAN_WEIGHT)
        return
    for index in range(len(run)):
        yield Unit(frozenset(pairs[max(0, index - 1) : index + 1]), HAN_WEIGHT)


def _pairs(run: str) -> list[str]:
    return [run[index : index + 2] for index in range(len(run) - 1)]


def choose(question: Question, passages: Sequence[Passage]) -> list[Excerpt]:
    """Return the excerpts that answer ``question``, the best page first."""
    if not question.units:
        return []
    said = [_spoken(_prose(passage)) for passage in passages]
    weights = _weigh(question, said)
    best_rank = max((passage.rank for passage in passages), default=0) or 1
    excerpts: dict[tuple[str, int], Excerpt] = {}
    for passage, found in zip(passages, said, strict=True):
        coverage = weights.covered(found)
        # Code shows a thing more often than it explains it.
        coverage += (weights.covered(found | _spoken(passage.text)) - coverage) / 2
        if coverage < MIN_COVERAGE or not _says_it_at_once(passage, weights):
            continue
        head = _spoken(f"{passage.title} {passage.heading}")
        score = coverage + HEAD_SHARE * weights.covered(head)
        score += 0.1 * passage.rank / best_rank
        if passage.version in _VERSION.findall(question.text):
            score += 0.6
        elif "current" in passage.labels:
            score += 0.1
        if passage.heading == passage.title and len(passage.text) < BRIEF:
            # A short introduction names what its sections explain.
            score *= 0.85
        key = (passage.kind, passage.object_id)
        present = excerpts.get(key)
        if present is None or score > present.score:
            excerpts[key] = Excerpt(passage, [], "", coverage, score)
    ranked = sorted(excerpts.values(), key=lambda excerpt: -excerpt.score)
    best = ranked[0].score if ranked else 0
    kept: list[Excerpt] = []
    for excerpt in ranked:
        # A page that says much less than the best one distracts.
        if excerpt.score < best * 0.7 or len(kept) == MAX_SOURCES:
            break
        excerpt.sentences, excerpt.code = _quote(excerpt.passage, weights)
        repeats = any(set(excerpt.sentences) & set(other.sentences) for other in kept)
        if excerpt.sentences and not repeats:
            kept.append(excerpt)
    return kept


def _says_it_at_once(passage: Passage, weights: _Weights) -> bool:
    """Tell whether one sentence speaks of the question, not words strewn about."""
    head = _spoken(f"{passage.title} {passage.heading}")
    sentences = _SENTENCE.finditer(passage.text)
    return any(
        weights.covered(head | _spoken(found.group())) >= MIN_SENTENCE
        for found in sentences
    )


def _spoken(text: str) -> set[str]:
    return set(lexemes(_folded(text)))


def _folded(text: str) -> str:
    """Return ``text`` with ``30 000`` and ``30,000`` written as ``30000``."""
    return _GROUPED.sub("", text)


def _prose(passage: Passage) -> str:
    text = _CODE.sub("\n", passage.text)
    return f"{passage.title} {passage.heading} {text}"


def _weigh(question: Question, said: Sequence[set[str]]) -> _Weights:
    of_unit = {}
    for unit in question.units:
        # Of the two pairs a character is in, the commoner one is the word.
        count = max(sum(lexeme in found for found in said) for lexeme in unit.lexemes)
        of_unit[unit] = unit.weight * math.log(1 + (len(said) + 1) / (count + 0.5))
    return _Weights(of_unit)


def _quote(passage: Passage, weights: _Weights) -> tuple[list[str], str]:
    """Return the sentences and the code of a passage that speak of the question."""
    head = weights.covered(_spoken(f"{passage.title} {passage.heading}"))
    codes = [found.group() for found in _CODE.finditer(passage.text)]
    prose = _CODE.sub("\n", passage.text)
    scored: list[tuple[float, int, str]] = []
    for index, found in enumerate(_SENTENCE.finditer(prose)):
        sentence = " ".join(found.group().split())
        if len(sentence) < 6:
            continue
        # The first sentences of a section about the very thing define it.
        lead = head * weights.total / (1 + index)
        score = weights.sum(_spoken(sentence)) + lead
        if score > 0:
            scored.append((-score, index, sentence))
    kept = sorted(sorted(scored)[:MAX_SENTENCES], key=lambda item: item[1])
    code = next((code for code in codes if head or weights.sum(_spoken(code))), "")
    return [sentence for _, _, sentence in kept], code
