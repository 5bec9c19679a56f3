"""Choosing the sentences that answer a question, from passages that were found.

Nothing is invented: an answer is made of sentences of this site's own pages, each
with the page it is from. What covers too little of the question is not said.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inference.providers.questions import Question, Unit, folded, understand
from search.queries import Passage
from search.text import lexemes

# A sign in the middle of ``0.9`` or ``choices[0].text`` ends nothing, nor does the
# point of an abbreviation.
_SENTENCE = re.compile(
    r"(?:[^。！？.!?\n]|(?<=\be\.g)\.|(?<=\bi\.e)\.|(?<=\betc)\.|[.!?](?=\S))+"
    r"(?:[。！？]+|[.!?]+(?=\s|$)|\n|$)"
)
# What a row of the errors begins with: ``429: insufficient_quota – …``.
_STATUS = r"\d{3}: "
_CODE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1\s*$", re.DOTALL | re.MULTILINE)

# The figures below were chosen on the tuning half of
# tests/inference/providers/questions.py. BM25's own, as most search engines set them:
# how soon more mentions stop counting, and how much a long text has to say to count as
# much as a short one.
K1 = 1.2
B = 0.3
# How much a mention counts by where it stands.
IN_HEADING = 5.0
IN_TITLE = 1.5
IN_CODE = 0.5
# Another word for the same is a little less sure.
NEAR = 0.7
# What is said in one place answers better than the same words strewn about.
COVERAGE_SHARE = 0.25
SENTENCE_SHARE = 0.5
# Of two that say as much, the one whose heading is about nothing else.
FOCUS_SHARE = 0.05
# A row of a table that begins with the name that is asked about explains it.
DEFINITION_SHARE = 0.3
# The share of the question a passage has to speak of to be quoted at all …
MIN_COVERAGE = 0.42
# … and one of its sentences, with its heading.
MIN_SENTENCE = 0.4
MAX_SENTENCES = 4
MAX_SOURCES = 3
# A page that says this much less than the best one distracts.
WORTH_QUOTING = 0.7


@dataclass(slots=True)
class Excerpt:
    """What one page says to a question."""

    passage: Passage
    sentences: list[str]
    code: str = ""
    coverage: float = 0.0
    score: float = 0.0
    # The other sections of the page that speak of the question, the best first.
    others: list["Excerpt"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Text:
    """A passage as the words it speaks, by where they stand."""

    passage: Passage
    title: Counter[str]
    heading: Counter[str]
    prose: Counter[str]
    code: Counter[str]
    # What the heading is about, without words such as "how" and "the".
    subject: tuple[Unit, ...]

    @classmethod
    def of(cls, passage: Passage) -> "_Text":
        code = "\n".join(found.group() for found in _CODE.finditer(passage.text))
        heading = passage.heading or passage.title
        # The introduction of a page has its title for a heading, which counts once.
        title = passage.title if heading != passage.title else ""
        return cls(
            passage,
            _spoken(title),
            _spoken(heading),
            _spoken(_CODE.sub("\n", passage.text)),
            _spoken(code),
            understand(heading).units,
        )

    @property
    def length(self) -> int:
        return self.prose.total()

    def head(self) -> Counter[str]:
        return self.title + self.heading


@dataclass(slots=True)
class _Weights:
    """How telling each unit is: what few passages speak of tells most."""

    of_unit: dict[Unit, float]
    total: float = field(init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.of_unit.values()) or 1.0

    @classmethod
    def among(cls, question: Question, texts: Sequence[_Text]) -> "_Weights":
        found = [{*text.title, *text.heading, *text.prose} for text in texts]
        of_unit = {}
        for unit in question.units:
            # Of the two pairs a character is in, the commoner one is the word.
            count = max(sum(each in said for said in found) for each in unit.lexemes)
            rarity = math.log(1 + (len(texts) + 1) / (count + 0.5))
            of_unit[unit] = unit.weight * rarity
        return cls(of_unit)

    def covered(self, spoken: Counter[str]) -> float:
        """Return the share of the question that ``spoken`` speaks of."""
        return self.sum(spoken) / self.total

    def sum(self, spoken: Counter[str]) -> float:
        return sum(
            weight * (min(1.0, _mentions(unit, spoken)))
            for unit, weight in self.of_unit.items()
        )

    def bm25(self, text: _Text, usual_length: float) -> float:
        """Return how much of the question a passage is about, from 0 to about 1."""
        length = 1 - B + B * text.length / (usual_length or 1)
        in_heading = IN_HEADING * (1 + self.focus(text)) / 2
        score = 0.0
        for unit, weight in self.of_unit.items():
            mentions = (
                IN_TITLE * min(1.0, _mentions(unit, text.title))
                + in_heading * min(1.0, _mentions(unit, text.heading))
                + (_mentions(unit, text.prose) + IN_CODE * _mentions(unit, text.code))
                / length
            )
            score += weight * mentions / (K1 + mentions)
        return score / self.total

    def focus(self, text: _Text) -> float:
        """Return the share of a heading that is about the question."""
        asked = {each for unit in self.of_unit for each in unit.lexemes | unit.near}
        size = sum(unit.weight for unit in text.subject)
        about = sum(unit.weight for unit in text.subject if unit.lexemes & asked)
        return about / size if size else 0.0


def choose(question: Question, passages: Sequence[Passage]) -> list[Excerpt]:
    """Return the excerpts that answer ``question``, the best page first."""
    if not question.units or not passages:
        return []
    texts = [_Text.of(passage) for passage in passages]
    weights = _Weights.among(question, texts)
    usual_length = sum(text.length for text in texts) / len(texts)
    pages: dict[tuple[str, int], list[Excerpt]] = {}
    for text in texts:
        passage = text.passage
        coverage = weights.covered(text.head() + text.prose)
        # Code shows a thing more often than it explains it.
        whole = weights.covered(text.head() + text.prose + text.code)
        coverage += (whole - coverage) / 2
        at_once = _said_at_once(text, weights)
        if coverage < MIN_COVERAGE or at_once < MIN_SENTENCE:
            continue
        score = weights.bm25(text, usual_length)
        score += COVERAGE_SHARE * coverage + SENTENCE_SHARE * at_once
        score += FOCUS_SHARE * weights.focus(text)
        if _defines(passage, question):
            score += DEFINITION_SHARE
        if passage.version in question.versions:
            score += 0.6
        found = Excerpt(passage, [], "", coverage, score)
        pages.setdefault((passage.kind, passage.object_id), []).append(found)
    for page in pages.values():
        page.sort(key=lambda excerpt: -excerpt.score)
        page[0].others = page[1:]
    return _best([page[0] for page in pages.values()], weights)


def _best(excerpts: Iterable[Excerpt], weights: _Weights) -> list[Excerpt]:
    ranked = sorted(excerpts, key=lambda excerpt: -excerpt.score)
    best = ranked[0].score if ranked else 0
    kept: list[Excerpt] = []
    for excerpt in ranked:
        if excerpt.score < best * WORTH_QUOTING or len(kept) == MAX_SOURCES:
            break
        excerpt.sentences, excerpt.code = _quote(excerpt.passage, weights)
        excerpt.code = excerpt.code or _code_below(excerpt, weights)
        repeats = any(set(excerpt.sentences) & set(other.sentences) for other in kept)
        if excerpt.sentences and not repeats:
            kept.append(excerpt)
    return kept


def _code_below(excerpt: Excerpt, weights: _Weights) -> str:
    """Return the code of another section: an introduction says how, that shows it."""
    for other in excerpt.others:
        _sentences, code = _quote(other.passage, weights)
        if code and weights.covered(_spoken(other.passage.heading)) > 0:
            return code
    return ""


def _said_at_once(text: _Text, weights: _Weights) -> float:
    """Return how much one sentence says of the question, under its heading.

    Words strewn about a page answer nothing.
    """
    head = text.head()
    prose = _CODE.sub("\n", text.passage.text)
    return max(
        (
            weights.covered(head + _spoken(found.group()))
            for found in _SENTENCE.finditer(prose)
        ),
        default=weights.covered(head),
    )


def _defines(passage: Passage, question: Question) -> bool:
    """Tell whether a row or item begins with a name the question asks about."""
    names = "|".join(re.escape(name) for name in question.names)
    pattern = rf"^(?:{_STATUS})?(?:{names})\b"
    return bool(
        names and re.search(pattern, passage.text, re.IGNORECASE | re.MULTILINE)
    )


def _mentions(unit: Unit, spoken: Counter[str]) -> float:
    """Return how often a unit is spoken of; another word for it counts less."""
    own = max((spoken[lexeme] for lexeme in unit.lexemes), default=0)
    if own:
        return own
    return NEAR * max((spoken[lexeme] for lexeme in unit.near), default=0)


def _spoken(text: str) -> Counter[str]:
    return Counter(lexemes(folded(text)))


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
