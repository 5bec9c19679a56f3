"""What a person typed, taken apart: filters, phrases, and the words that carry it."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.utils.translation import gettext_lazy as _
from opencc import OpenCC

from core.errors import DomainError
from search.text import (
    HAN,
    MAX_QUERY,
    MAX_QUERY_TOKENS,
    MAX_WORD,
    normalise,
    quote,
    stem,
    wholes,
    words,
)

# They stand in half of all questions and tell none from another.
_ENGLISH = """
a about after all also am an and any anybody anyone are as at be because been
before being best but by can could did do does doing else for from get gets
getting give given go goes going got had has have having hello help her here hey
hi his how i if in instead into is it its just know let like made make makes may
me might mine much must my need needs no not now of off on one only or our out
please possible s should so some someone something such t than thank thanks that
the their them then there these they thing this those to too try trying us use
used using very want was way we were what when where which while who why will
with without won would you your
"""
FUNCTION_WORDS = frozenset(_ENGLISH.split())
_CHINESE_WORDS = """
怎么样 怎么办 怎么 怎样 如何 为什么 为何 什么时候 什么 哪里 哪个
哪些 哪儿 多少 是否 能否 可否 可不可以 可以 能不能 会不会 有没有
是不是 请问 请教 大家 有人 谁 吗 呢 吧 啊 呀 么 嘛 的话 的 了
着 我们 我 你们 你 您 这个 那个 这些 那些 这样 那样 一下 一个
有点 应该 需要 想要 想 要 怎 请 是 在 把 被 给 用 和 与 或者
或 还是 就 都 也 很 总是 老是 一直 时候 时 之后 以后 以前 里面
里 上 中 会 能 有 没有 没 不 到 对 从 让 为 跟 呗 做 办
"""
_CHINESE = re.compile(
    "|".join(sorted(map(re.escape, _CHINESE_WORDS.split()), key=len, reverse=True))
)
_QUOTED = re.compile('["“”„]([^"“”„]*)["“”„]')
# From here on a beginning says which word is meant; shorter ones begin thousands.
MIN_BEGINNING = 3
# A pair of ideographs says less than a word, and the words inside a name less than it.
PAIR, PART = 0.6, 0.3
# In the texts of queries: after a lexeme, and after the beginning of one.
_MARK, _BEGINS = "\0", "\1"


class UnknownFilter(DomainError):
    """A filter was given something it cannot narrow by."""

    code = "invalid_filter"
    status = 400


@dataclass(frozen=True, slots=True)
class Atom:
    """The smallest thing that may be found by itself, and how much it says."""

    query: str
    weight: float = 1.0


@dataclass(slots=True)
class SearchQuery:
    """What is asked for. Queries are texts for ``rendered``."""

    required: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    atoms: list[Atom] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    filters: list[tuple[str, str]] = field(default_factory=list)
    in_title: bool = False

    @property
    def has_words(self) -> bool:
        return bool(self.required or self.words)


def rendered(query: str, *, weight: str = "") -> str:
    """Return the text of a ``tsquery``, for places of one weight or of any."""
    after = f":{weight}" if weight else ""
    return query.replace(_MARK, after).replace(_BEGINS, f":*{weight}")


def joined(queries: Sequence[str], sign: str) -> str:
    """Return one query of several."""
    return f" {sign} ".join(f"({query})" for query in queries)


def read(typed: str, *, filters: Collection[str]) -> SearchQuery:
    """Take apart what was typed; ``filters`` are the names that narrow.

    Nothing anybody types is a syntax error; a filter without a value is none. Raises
    ``UnknownFilter``.
    """
    question = SearchQuery()
    text = _without_filters(typed[:MAX_QUERY], filters, question)
    for phrase in _QUOTED.findall(text):
        if runs := list(words(phrase))[:MAX_QUERY_TOKENS]:
            question.required.append(_phrase(runs))
            question.marked += [run for run, _is_han in runs]
    text = normalise(_QUOTED.sub(" ", text))
    _read_words(text, question)
    question.words = question.words[:MAX_QUERY_TOKENS]
    question.atoms = question.atoms[:MAX_QUERY_TOKENS]
    return question


def _without_filters(text: str, names: Collection[str], question: SearchQuery) -> str:
    if not names:
        return text
    named = "|".join(sorted(map(re.escape, names)))
    found = re.compile(
        rf'(?<!\S)({named})[:：](?:["“”]([^"“”]*)["“”]|(\S*))', re.IGNORECASE
    )

    def take(match: re.Match[str]) -> str:
        name = match[1].lower()
        value = unicodedata.normalize("NFKC", match[2] or match[3] or "").strip()
        if not value:
            raise UnknownFilter(
                _("Say after “%(name)s:” what to narrow by.") % {"name": name}
            )
        if name == "in":
            if value.lower() != "title":
                raise UnknownFilter(_("“in:” takes one word: in:title."))
            question.in_title = True
        else:
            question.filters.append((name, value))
        return " "

    return found.sub(take, text)


def _read_words(text: str, question: SearchQuery) -> None:
    """Add the words of a normalised text; function words only where nothing else is."""
    names = {begin: (end, whole) for begin, end, whole in wholes(text)}
    taken = 0
    fillers: list[tuple[str, bool]] = []
    for begin, end, run, is_han in _runs(text):
        for sign in [at for at in names if taken <= at < begin]:
            _add_sign(names[sign][1], question)
        if begin < taken:
            continue
        taken = end
        if begin in names:
            taken, whole = names[begin]
            _add_name(whole, question)
        elif is_han:
            pieces = [piece for piece in _CHINESE.split(run) if piece]
            telling = [piece for piece in pieces if len(piece) > 1]
            for piece in telling:
                _add_han(piece, question)
            question.atoms += [
                Atom(_phrase([(piece, True)]), PART)
                for piece in pieces
                if len(piece) == 1
            ]
            if not telling:
                fillers.append((run, True))
        elif run in FUNCTION_WORDS:
            fillers.append((run, False))
        else:
            is_beginning = end == len(text) and len(run) >= MIN_BEGINNING
            _add_word(run, question, is_beginning=is_beginning)
    for at in names:
        if at >= taken:
            _add_sign(names[at][1], question)
    if question.words or question.required:
        return
    for run, is_han in fillers:
        if is_han:
            _add_han(run, question)
        else:
            _add_word(run, question)


def _runs(text: str) -> Iterator[tuple[int, int, str, bool]]:
    for match in re.finditer(rf"[{HAN}]+|[^\W_{HAN}]+", text):
        run = match.group()
        yield match.start(), match.end(), run, bool(re.match(f"[{HAN}]", run))


def _add_word(run: str, question: SearchQuery, *, is_beginning: bool = False) -> None:
    query = _lexeme(stem(run[:MAX_WORD]))
    if is_beginning:
        # Both, since the beginning of a word need not begin its stem.
        query = f"{query} | {quote(run[:MAX_WORD])}{_BEGINS}"
    _add(query, question, marked=run)


def _add_sign(sign: str, question: SearchQuery) -> None:
    _add(_lexeme(sign), question, marked="")


def _add_name(whole: str, question: SearchQuery) -> None:
    """Add a name with signs in it: whole, or its words one after another."""
    parts = [run for run, _is_han in words(whole)]
    if len(parts) == 1:
        _add(_lexeme(whole), question, marked=parts[0])
        return
    phrase = _phrase([(part, False) for part in parts])
    _add(f"{_lexeme(whole)} | ({phrase})", question, marked=parts[0])
    question.marked += parts[1:]
    question.atoms += [
        Atom(_lexeme(stem(part)), PART) for part in parts if len(part) > 1
    ]


def _add_han(piece: str, question: SearchQuery) -> None:
    """Add Chinese: whole where all words have to occur, else by its pairs."""
    forms = [piece]
    if (elsewhere := _said_elsewhere(piece)) != piece:
        forms.append(elsewhere)
    query = joined([_phrase([(form, True)]) for form in forms], "|")
    question.words.append(query)
    question.marked += forms
    if len(piece) <= 2 or len(forms) > 1:
        question.atoms.append(Atom(query))
    if len(piece) > 2:
        pairs = [piece[at : at + 2] for at in range(len(piece) - 1)]
        question.atoms += [Atom(_lexeme(pair), PAIR) for pair in pairs]
        question.marked += pairs


def _add(query: str, question: SearchQuery, *, marked: str) -> None:
    question.words.append(query)
    question.atoms.append(Atom(query))
    if marked:
        question.marked.append(marked)


# As many as are named below.
@lru_cache(maxsize=3)
def _converter(name: str) -> OpenCC:
    return OpenCC(name)


def _said_elsewhere(piece: str) -> str:
    """Return how the other side of the strait says it: ``軟體`` for ``软件``, or back.

    Characters were folded before, so the word is looked up in traditional ones.
    """
    traditional = _converter("s2t").convert(piece)
    mainland = normalise(_converter("tw2sp").convert(traditional))
    return (
        mainland if mainland != piece else normalise(_converter("s2twp").convert(piece))
    )


def _phrase(runs: Sequence[tuple[str, bool]]) -> str:
    """Return a query of runs that follow one another.

    A run of n ideographs has n places in a vector: its pairs, then its last
    character alone. Inside a longer run that last place holds a pair instead, so
    it is only counted and never asked for.
    """
    asked: list[tuple[int, str]] = []
    place = 0
    for run, is_han in runs:
        if not is_han:
            asked.append((place, _lexeme(stem(run[:MAX_WORD]))))
            place += 1
            continue
        if len(run) == 1:
            asked.append((place, f"{quote(run)}{_BEGINS}"))
        pairs = (run[at : at + 2] for at in range(len(run) - 1))
        asked += [(place + at, _lexeme(pair)) for at, pair in enumerate(pairs)]
        place += len(run)
    phrase = ""
    for index, (at, lexeme) in enumerate(asked):
        step = f" <{at - asked[index - 1][0]}> " if index else ""
        phrase += step + lexeme
    return phrase


def _lexeme(lexeme: str) -> str:
    return quote(lexeme) + _MARK
