"""Choosing the sentences that answer a question, from passages that were found.

Nothing is invented: an answer is made of sentences of this site's own pages, each
with the page it is from. What covers too little of the question is not said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from search.queries import Passage
from search.text import lexemes, words

# Words that say how something is asked, not what about.
_FILLER = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "could",
        "do",
        "does",
        "for",
        "from",
        "get",
        "give",
        "have",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "make",
        "may",
        "me",
        "my",
        "need",
        "of",
        "on",
        "or",
        "please",
        "should",
        "so",
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
_FILLER_HAN = (
    "请问",
    "如何",
    "怎么样",
    "怎样",
    "怎么",
    "什么",
    "为什么",
    "可以",
    "吗",
    "呢",
    "的",
    "是",
    "我",
    "在",
    "和",
    "了",
    "有",
    "哪些",
    "一个",
    "能",
    "请",
    "告诉",
)
_SENTENCE = re.compile(r"[^。！？.!?\n]+(?:[。！？]|[.!?](?=\s|$)|\n|$)")
_CODE = re.compile(r"```.*?```", re.DOTALL)

MIN_COVERAGE = 0.34
MAX_SENTENCES = 4
MAX_SOURCES = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about: its telling lexemes and the language it is in."""

    text: str
    lexemes: frozenset[str]
    is_chinese: bool


@dataclass(slots=True)
class Excerpt:
    """What one page says to a question."""

    passage: Passage
    sentences: list[str]
    code: str = ""
    coverage: float = 0.0
    matched: set[str] = field(default_factory=set)


def understand(text: str) -> Question:
    """Return what a question is about, without how it is asked."""
    telling: set[str] = set()
    han_length = 0
    for run, is_han in words(text):
        if is_han:
            han_length += len(run)
            for filler in _FILLER_HAN:
                run = run.replace(filler, " ")
            for part in run.split():
                telling.update([part] if len(part) == 1 else lexemes_of_han(part))
        elif run not in _FILLER:
            telling.update(lexemes(run))
    return Question(text, frozenset(telling), is_chinese=han_length >= 2)


def lexemes_of_han(run: str) -> list[str]:
    """Return the pairs of a Han run."""
    return [run[index : index + 2] for index in range(len(run) - 1)]


def choose(question: Question, passages: Sequence[Passage]) -> list[Excerpt]:
    """Return the excerpts that answer ``question``, the best page first."""
    if not question.lexemes:
        return []
    excerpts: dict[tuple[str, int], Excerpt] = {}
    for passage in passages:
        excerpt = _excerpt(question, passage)
        if excerpt.coverage < MIN_COVERAGE:
            continue
        key = (passage.kind, passage.object_id)
        present = excerpts.get(key)
        if present is None or excerpt.coverage > present.coverage:
            excerpts[key] = excerpt
    ranked = sorted(
        excerpts.values(),
        key=lambda excerpt: (excerpt.coverage, excerpt.passage.rank),
        reverse=True,
    )
    # A page that says much less than the best one distracts.
    best = ranked[0].coverage if ranked else 0
    return [excerpt for excerpt in ranked if excerpt.coverage >= best * 0.6][
        :MAX_SOURCES
    ]


def _excerpt(question: Question, passage: Passage) -> Excerpt:
    head = set(lexemes(f"{passage.title} {passage.heading}")) & question.lexemes
    code_blocks = _CODE.findall(passage.text)
    prose = _CODE.sub("\n", passage.text)
    scored: list[tuple[float, int, str, set[str]]] = []
    for index, match in enumerate(_SENTENCE.finditer(prose)):
        sentence = " ".join(match.group().split())
        found = set(lexemes(sentence)) & question.lexemes
        if len(sentence) < 8 or not (found or head):
            continue
        # The first sentences of a section about the very thing define it.
        lead = 0.5 * len(head) / (1 + index) if head else 0
        scored.append((len(found) + lead, index, sentence, found))
    scored.sort(key=lambda item: (-item[0], item[1]))
    kept = sorted(scored[:MAX_SENTENCES], key=lambda item: item[1])
    matched = set(head).union(*(found for *_, found in kept)) if kept else set()
    code = next(
        (
            block
            for block in code_blocks
            if set(lexemes(block)) & question.lexemes or head
        ),
        "",
    )
    coverage = len(matched) / len(question.lexemes)
    return Excerpt(
        passage, [sentence for _, _, sentence, _ in kept], code, coverage, matched
    )
