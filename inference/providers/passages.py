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
# Another word for the same is a little less sure.
NEAR = 0.7
# What is said in one place answers better than the same words strewn about.
COVERAGE_SHARE = 0.25
SENTENCE_SHARE = 0.5  # as above
# Of two that say as much, the one whose heading is about nothing else.
FOCUS_SHARE = 0.05
# A row of a table that begins with the name that is asked about explains it.
DEFINITION_SHARE = 0.3
# Of the version that is named.
VERSION_SHARE = 0.6

# How nearness is weighed against words. The dot products of one question differ by
# about this much from passage to passage.
SPREAD = 0.0165
LINE_SHARE = 1.0
WHOLE_SHARE = 1.0
HEAD_SHARE = 0.25  # as above
WORDS_SHARE = 4.0  # as above


@dataclass(frozen=True, slots=True)
class Sure:
    """What makes it sure that the best passage answers; above ``enough`` it does.

    How near its nearest line is, how far it stands out, how much of the question no
    page speaks of, and how much the question says: a word or two are near many things.

    Fitted by logistic regression to whether a question has an answer, on the judged
    questions that are tuned on. ``enough`` is where nine of ten that nothing answers
    are refused: four of five others are answered then. Refusing 95 of 100 would refuse
    ten more of a hundred that have an answer.
    """

    line: float
    margin: float
    unknown: float
    size: float
    enough: float


# In the question's own language.
OWN = Sure(line=47.9, margin=0.48, unknown=-1.75, size=2.22, enough=13.36)
# In the other language, whose words the question does not share but for names.
TRANSLATED = Sure(line=75.0, margin=0.73, unknown=-1.31, size=2.86, enough=18.41)
# How far the best section is before the sixth tells whether anything stands out; of
# fewer sections that cannot be told, and the usual distance is taken.
SIXTH = 5
USUAL_MARGIN = 4.0  # as above
# A further page is quoted when it is this close behind, in units of ``SPREAD``.
CLOSE = 1.5
# … and named, when it is within this.
RELATED = 6.0

# By words alone: the share of the question a passage has to speak of to be quoted …
MIN_COVERAGE = 0.42
# … and one of its sentences, with its heading.
MIN_SENTENCE = 0.4
# Of three the best one is still found at a glance.
MAX_SOURCES = 3
# A page that says this much less than the best one distracts.
WORTH_QUOTING = 0.7


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
    nearness: Nearness | None = None
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
    pages: dict[tuple[str, str], list[Excerpt]] = {}
    for text, near in zip(texts, nearness, strict=True):
        excerpt = _excerpt(text, question, weights, usual_length)
        excerpt.nearness = near
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
    return (
        sure.line * best.nearness.line
        + sure.margin * ranking.margin
        + sure.unknown * ranking.weights.unknown
        + sure.size * math.log(ranking.size)
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


def _excerpt(
    text: _Text, question: Question, weights: _Weights, usual_length: float
) -> Excerpt:
    coverage = weights.covered(text.head() + text.prose)
    # Code shows a thing more often than it explains it.
    whole = weights.covered(text.head() + text.prose + text.code)
    coverage += (whole - coverage) / 2
    at_once = _said_at_once(text, weights)
    score = weights.bm25(text, usual_length)
    score += COVERAGE_SHARE * coverage + SENTENCE_SHARE * at_once
    score += FOCUS_SHARE * weights.focus(text)
    if _defines(text.passage, question):
        score += DEFINITION_SHARE
    if text.passage.version in question.versions:
        score += VERSION_SHARE
    return Excerpt(text.passage, score, coverage, at_once)


def _meaning(near: Nearness) -> float:
    """Return nearness in units of how much it usually differs."""
    return (
        LINE_SHARE * near.line + WHOLE_SHARE * near.whole + HEAD_SHARE * near.head
    ) / SPREAD


def _usual(nearness: Iterable[Nearness | None]) -> float | None:
    """Return what stands in for passages that are not embedded yet, if any is."""
    found = [_meaning(near) for near in nearness if near is not None]
    return sum(found) / len(found) if found else None


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
