"""Which passages answer a question, the best first, and how sure that is.

A passage is weighed by its words (BM25 over title, heading, text and code, and what
one sentence says at once) and, where it is embedded, by how near it is in meaning.
What neither covers enough of the question nor is near enough is not said.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from inference.providers import quoting
from inference.providers.questions import Question, Unit, folded, understand
from search.meaning import Nearness
from search.queries import Frequencies, Passage, page_of
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

# The figures below were chosen on the tuning halves of
# tests/inference/providers/questions.py and judged.py. BM25's own, as most search
# engines set them: how soon more mentions stop counting, and how much a long text has
# to say to count as much as a short one.
K1 = 1.2
B = 0.3  # as above
# How much a mention counts by where it stands.
IN_HEADING = 5.0
IN_TITLE = 1.5  # as above
IN_CODE = 0.5  # as above
IN_ASKED = 2.0  # as above; in a question it is said to answer
# Another word for the same is a little less sure.
NEAR = 0.7
# What is said in one place answers better than the same words strewn about.
COVERAGE_SHARE = 0.25
SENTENCE_SHARE = 0.5  # as above
# Of two that say as much, the one whose heading is about nothing else.
FOCUS_SHARE = 0.05
# Of two that are said to answer such a question, the one that shares more with it.
ASKED_SHARE = 0.4
# A row of a table that begins with the name that is asked about explains it.
DEFINITION_SHARE = 0.3
# A name such as ``idempotency_key_reused`` is asked about as it is written, and few
# passages write it: this much for each natural logarithm of how few. Twice as much and
# half of it rank alike.
NAMED_SHARE = 0.2
# Of the version that is named.
VERSION_SHARE = 0.6

# How nearness is weighed against words. The dot products of one question differ by
# about this much from passage to passage.
SPREAD = 0.0165
LINE_SHARE = 1.0
WHOLE_SHARE = 1.0
HEAD_SHARE = 0.25  # as above
NEAR_ASKED_SHARE = 2.0  # as above
WORDS_SHARE = 4.0  # as above


# How far the best section is before the sixth tells whether anything stands out; of
# fewer sections that cannot be told, and the usual distance is taken.
SIXTH = 5
USUAL_MARGIN = 4.0  # as above


@dataclass(slots=True)
class Excerpt:
    """What one page says to a question.

    ``coverage`` and ``at_once`` are the shares of the question that the passage and
    one of its sentences speak of.
    """

    passage: Passage
    words: float
    coverage: float
    at_once: float
    # Whether it writes a name that is asked about.
    is_named: bool = False
    nearness: Nearness | None = None
    score: float = 0.0
    # The other sections of the page that speak of the question, the best first.
    others: list["Excerpt"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that a passage is said to answer, in words."""

    spoken: Counter[str]
    units: tuple[Unit, ...]


@lru_cache(maxsize=10_000)  # some times what a large documentation has
def _asked(text: str) -> _Asked:
    return _Asked(_spoken(text), understand(text).units)


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
    asked: tuple[_Asked, ...]

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
            tuple(map(_asked, passage.asked)),
        )

    @property
    def length(self) -> int:
        return self.prose.total()

    def head(self) -> Counter[str]:
        return self.title + self.heading

    def all_asked(self) -> Counter[str]:
        spoken: Counter[str] = Counter()
        for each in self.asked:
            spoken.update(each.spoken)
        return spoken


@dataclass(slots=True)
class _Weights:
    """How telling each unit is: what few passages speak of tells most."""

    of_unit: dict[Unit, float]
    # What no passage at all speaks of, as a share of the question.
    unknown: float = 0.0
    total: float = field(init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.of_unit.values()) or 1.0

    @classmethod
    def among(cls, question: Question, words: Frequencies) -> "_Weights":
        of_unit = {}
        unknown = 0.0
        for unit in question.units:
            # Of the two pairs a character is in, the commoner one is the word.
            count = max(words.holding.get(each, 0) for each in unit.lexemes)
            rarity = math.log(1 + (words.total + 1) / (count + 0.5))
            of_unit[unit] = unit.weight * rarity
            if not count and not any(words.holding.get(each) for each in unit.near):
                unknown += of_unit[unit]
        return cls(of_unit, unknown / (sum(of_unit.values()) or 1.0))

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
        in_heading = IN_HEADING * (1 + self.focus(text.subject)) / 2
        asked = text.all_asked()
        score = 0.0
        for unit, weight in self.of_unit.items():
            mentions = (
                IN_TITLE * min(1.0, _mentions(unit, text.title))
                + in_heading * min(1.0, _mentions(unit, text.heading))
                + IN_ASKED * min(1.0, _mentions(unit, asked))
                + (_mentions(unit, text.prose) + IN_CODE * _mentions(unit, text.code))
                / length
            )
            score += weight * mentions / (K1 + mentions)
        return score / self.total

    def focus(self, subject: Sequence[Unit]) -> float:
        """Return the share of a heading or a question that is about this question."""
        asked = {each for unit in self.of_unit for each in unit.lexemes | unit.near}
        size = sum(unit.weight for unit in subject)
        about = sum(unit.weight for unit in subject if unit.lexemes & asked)
        return about / size if size else 0.0

    def likeness(self, text: _Text) -> float:
        """Return what is shared with the likeliest question a passage answers.

        From 0 to 1: the harmonic mean of the shares of both, so that neither a long one
        that speaks of everything nor a short one that says little is like another.
        """
        return max(
            (
                2 * shared * focus / (shared + focus)
                for each in text.asked
                if (shared := self.covered(each.spoken))
                and (focus := self.focus(each.units))
            ),
            default=0.0,
        )


@dataclass(frozen=True, slots=True)
class Ranking:
    """The pages that were found, the best first, each by its best section."""

    excerpts: list[Excerpt]
    weights: _Weights
    # How much is asked, in words (``Question.size``).
    size: float
    # How far the best section stands out.
    margin: float = USUAL_MARGIN

    @property
    def has_meaning(self) -> bool:
        """Tell whether meaning took part, and not words alone."""
        return any(each.nearness is not None for each in self.excerpts)

    def quote(self, excerpt: Excerpt, *, is_first: bool) -> str:
        """Return what a section says to the question, as Markdown."""
        source = excerpt.passage.source or excerpt.passage.text
        most = quoting.MOST if is_first else quoting.MOST_OF_OTHERS
        near = excerpt.nearness.said if excerpt.nearness else ""
        said = set(lexemes(near))

        def score(text: str) -> float:
            spoken = _spoken(text)
            # The line that is nearest in meaning need not share a word with it.
            shared = len(said & set(spoken)) / (len(said) or 1)
            return self.weights.sum(spoken) / self.weights.total + shared

        quoted = quoting.quote(source, score, most=most)
        if is_first and not quoting.has_code(source):
            quoted = "\n\n".join(filter(None, [quoted, self._code_below(excerpt)]))
        return quoted

    def _code_below(self, excerpt: Excerpt) -> str:
        """Return the code below an introduction: that says how, this shows it."""
        if excerpt.passage.part:
            return ""
        for other in excerpt.others:
            code = quoting.first_code(other.passage.source)
            if code and self.weights.covered(_spoken(other.passage.heading)) > 0:
                return code
        return ""


def rank(
    question: Question,
    passages: Sequence[Passage],
    nearness: Sequence[Nearness | None],
    words: Frequencies,
) -> Ranking:
    """Return what passages say to a question; ``nearness`` is in their order.

    ``words`` tells how common each is where the passages are from.
    """
    texts = [_Text.of(passage) for passage in passages]
    weights = _Weights.among(question, words)
    usual_length = sum(text.length for text in texts) / (len(texts) or 1)
    usual = _usual(nearness)
    named = _named(passages, question)
    pages: dict[tuple[str, str], list[Excerpt]] = {}
    for text, near, rarity in zip(texts, nearness, named, strict=True):
        excerpt = _excerpt(text, question, weights, usual_length)
        excerpt.nearness = near
        excerpt.is_named = rarity > 0
        excerpt.words += NAMED_SHARE * rarity
        excerpt.score = WORDS_SHARE * excerpt.words
        if usual is not None:
            excerpt.score += usual if near is None else _meaning(near)
        passage = text.passage
        page = (page_of(passage.url), passage.locale)
        pages.setdefault(page, []).append(excerpt)
    for page_excerpts in pages.values():
        page_excerpts.sort(key=lambda excerpt: -excerpt.score)
        page_excerpts[0].others = page_excerpts[1:]
    best = [excerpts[0] for excerpts in pages.values()]
    best.sort(key=lambda excerpt: -excerpt.score)
    sections = sorted(each.score for every in pages.values() for each in every)
    margin = (
        sections[-1] - sections[-1 - SIXTH] if len(sections) > SIXTH else USUAL_MARGIN
    )
    return Ranking(best, weights, question.size, margin)


def _excerpt(
    text: _Text, question: Question, weights: _Weights, usual_length: float
) -> Excerpt:
    said = text.head() + text.prose + text.all_asked()
    coverage = weights.covered(said)
    # Code shows a thing more often than it explains it.
    whole = weights.covered(said + text.code)
    coverage += (whole - coverage) / 2
    at_once = _said_at_once(text, weights)
    score = weights.bm25(text, usual_length)
    score += COVERAGE_SHARE * coverage + SENTENCE_SHARE * at_once
    score += FOCUS_SHARE * weights.focus(text.subject)
    score += ASKED_SHARE * weights.likeness(text)
    if _defines(text.passage, question):
        score += DEFINITION_SHARE
    if text.passage.version in question.versions:
        score += VERSION_SHARE
    return Excerpt(text.passage, score, coverage, at_once)


def _meaning(near: Nearness) -> float:
    """Return nearness in units of how much it usually differs.

    Where no question is known, the nearest line stands in for it.
    """
    asked = near.line if near.asked is None else near.asked
    return (
        LINE_SHARE * near.line
        + WHOLE_SHARE * near.whole
        + HEAD_SHARE * near.head
        + NEAR_ASKED_SHARE * asked
    ) / SPREAD


def _usual(nearness: Iterable[Nearness | None]) -> float | None:
    """Return what stands in for passages that are not embedded yet, if any is."""
    found = [_meaning(near) for near in nearness if near is not None]
    return sum(found) / len(found) if found else None


def _said_at_once(text: _Text, weights: _Weights) -> float:
    """Return how much one sentence says of the question, under its heading.

    Words strewn about a page answer nothing. A question it is said to answer is as good
    as a sentence.
    """
    head = text.head()
    prose = _CODE.sub("\n", text.passage.text)
    sentences = [_spoken(found.group()) for found in _SENTENCE.finditer(prose)]
    sentences += [each.spoken for each in text.asked]
    return max(
        (weights.covered(head + each) for each in sentences),
        default=weights.covered(head),
    )


def _defines(passage: Passage, question: Question) -> bool:
    """Tell whether a row or item begins with a name the question asks about."""
    names = "|".join(re.escape(name) for name in question.names)
    pattern = rf"^(?:{_STATUS})?(?:{names})\b"
    return bool(
        names and re.search(pattern, passage.text, re.IGNORECASE | re.MULTILINE)
    )


def _named(passages: Sequence[Passage], question: Question) -> list[float]:
    """Return how rare the names are that each passage writes as they are asked about.

    Of a longer name a shorter one is no part: ``quota`` is not ``insufficient_quota``.
    """
    written = [
        "\n".join([each.title, each.heading, each.text, *each.asked]).lower()
        for each in passages
        if question.names
    ]
    rarities = [0.0] * len(passages)
    for name in question.names:
        whole = re.compile(rf"(?<![a-z0-9_-]){re.escape(name)}(?![a-z0-9_-])")
        holding = [at for at, text in enumerate(written) if whole.search(text)]
        for at in holding:
            rarities[at] += math.log(1 + len(written) / len(holding))
    return rarities


def _mentions(unit: Unit, spoken: Counter[str]) -> float:
    """Return how often a unit is spoken of; another word for it counts less."""
    own = max((spoken[lexeme] for lexeme in unit.lexemes), default=0)
    if own:
        return own
    return NEAR * max((spoken[lexeme] for lexeme in unit.near), default=0)


def _spoken(text: str) -> Counter[str]:
    return Counter(lexemes(folded(text)))
