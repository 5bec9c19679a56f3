"""What a question is about, without how it is asked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from inference.providers import thesaurus
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
        "been",
        "being",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "each",
        "else",
        "explain",
        "for",
        "from",
        "get",
        "give",
        "goes",
        "going",
        "got",
        "had",
        "happen",
        "happens",
        "has",
        "have",
        "having",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "know",
        "like",
        "many",
        "may",
        "me",
        "might",
        "mine",
        "most",
        "much",
        "must",
        "my",
        "need",
        "no",
        "not",
        "now",
        "of",
        "on",
        "one",
        "only",
        "or",
        "our",
        "out",
        "own",
        "please",
        "possible",
        "shall",
        "should",
        "so",
        "some",
        "somebody",
        "someone",
        "something",
        "still",
        "such",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "thing",
        "things",
        "this",
        "those",
        "to",
        "too",
        "us",
        "use",
        "used",
        "using",
        "very",
        "want",
        "was",
        "way",
        "we",
        "were",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "while",
        "who",
        "whom",
        "whose",
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
    "为什么|怎么样|怎么办|会怎样|请问|如何|怎样|怎么|什么|可以|可否|哪些|哪里|哪个|是否|一个|告诉"
    "|收到|还能|不停|再|又|意思|有没有|能不能|会不会|是不是|需要|应该|该怎|某次|情况|以后|之后|知道|我们|你们|有什么"
    "|[吗呢吧的了是我您你它]|^[请能在会把该用]"
)
_VERSION = re.compile(r"\bv?(\d+\.\d+)\b")
_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)+")
_GROUPED = re.compile(r"(?<=\d)[ ,\u00a0\u202f](?=\d{3}\b)")

# Longer questions than this many words are told by their first ones.
MAX_UNITS = 40
# Two characters of Chinese are about one word of English.
HAN_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Unit:
    """One word or Han character asked about.

    ``lexemes`` are the word itself, ``near`` are others that ask for the same.
    """

    lexemes: frozenset[str]
    near: frozenset[str]
    weight: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about, without how it is asked, and the language it is in."""

    text: str
    units: tuple[Unit, ...]
    # What to search for, in the order of the question.
    terms: tuple[str, ...]
    versions: frozenset[str]
    # Names of parameters, codes and models, such as ``max_tokens``.
    names: frozenset[str]
    is_chinese: bool

    @property
    def size(self) -> float:
        """Return how much is asked about, in English words; a version is one."""
        return sum(unit.weight for unit in self.units) + len(self.versions)

    @property
    def is_brief(self) -> bool:
        """Tell whether it says too little to stand alone."""
        return self.size < 3


def understand(text: str) -> Question:
    """Return what a question is about, without how it is asked."""
    # The product's own name says nothing: every page is about it.
    filler = _FILLER | {settings.SITE_NAME.lower()}
    units: list[Unit] = []
    terms: list[str] = []
    han_length = 0
    before = ""
    for run, is_han in words(folded(_VERSION.sub(" ", text))):
        if is_han:
            han_length += len(run)
            for part in _FILLER_HAN.sub(" ", run).split():
                units += _han_units(part)
                terms += _han_terms(part)
            before = ""
        elif run in filler or len(run) == 1:
            before = ""
        else:
            spoken = {stem(run)}
            if before:
                # ``back up`` is written ``backup`` elsewhere.
                joined = before + run
                spoken.add(stem(joined))
                last = units[-1]
                both = last.lexemes | {stem(joined)}
                units[-1] = Unit(both, last.near, last.weight)
                terms.append(joined)
            near = thesaurus.near(run)
            units.append(Unit(frozenset(spoken), near, 1.0))
            terms += [run, *sorted(near)]
            before = run
    return Question(
        text,
        tuple(dict.fromkeys(units))[:MAX_UNITS],
        tuple(dict.fromkeys(terms)),
        frozenset(_VERSION.findall(text)),
        frozenset(_NAME.findall(text.lower())),
        is_chinese=han_length >= 2,
    )


def folded(text: str) -> str:
    """Return ``text`` with ``30 000`` and ``30,000`` written as ``30000``."""
    return _GROUPED.sub("", text)


def _han_units(run: str) -> Iterator[Unit]:
    """Yield the known words of a run, and its other characters.

    A character is spoken of by either pair it is in.
    """
    pairs = _pairs(run)
    if not pairs:
        yield Unit(frozenset([run]), frozenset(), HAN_WEIGHT)
        return
    at = 0
    for piece, is_word in thesaurus.split(run):
        if is_word:
            near = {
                lexeme for word in thesaurus.near(piece) for lexeme in _first_pair(word)
            }
            own = frozenset(_first_pair(piece))
            yield Unit(own, frozenset(near) - own, HAN_WEIGHT * len(piece))
        else:
            for index in range(at, at + len(piece)):
                around = frozenset(pairs[max(0, index - 1) : index + 1])
                yield Unit(around, frozenset(), HAN_WEIGHT)
        at += len(piece)


def _han_terms(run: str) -> list[str]:
    near = [
        other
        for piece, is_word in thesaurus.split(run)
        if is_word
        for other in sorted(thesaurus.near(piece))
    ]
    return [*(_pairs(run) or [run]), *near]


def _first_pair(word: str) -> list[str]:
    """Return the lexeme a word is known by: of a long one its first pair."""
    return list(lexemes(word))[:1]


def _pairs(run: str) -> list[str]:
    return [run[index : index + 2] for index in range(len(run) - 1)]
