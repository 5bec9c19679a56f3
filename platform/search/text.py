"""Words of English and Chinese text, as PostgreSQL's vectors want them.

Han runs become overlapping pairs plus their last character, so any substring
of two or more characters is found exactly; everything else is split into words
and stemmed as English. No extension and no dictionary is needed.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer

_TOKEN = re.compile(
    r"[\u3400-\u9fff\uf900-\ufaff]+|[^\W_\u3400-\u9fff\uf900-\ufaff]+", re.UNICODE
)
_HAN = re.compile(r"^[\u3400-\u9fff\uf900-\ufaff]+$")
_PHRASE = re.compile(r'"([^"]+)"')
_stemmer = snowballstemmer.stemmer("english")

# PostgreSQL keeps positions up to 16383 and 256 of one word; beyond is noise.
MAX_TOKENS = 12_000
MAX_WORD = 60


def normalise(text: str) -> str:
    """Fold width and case: ``ＡＰＩ`` and ``api`` are one."""
    return unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each run of ``text`` and whether it is Han."""
    for match in _TOKEN.finditer(normalise(text)):
        run = match.group()
        yield run, bool(_HAN.match(run))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the stem a word is indexed under."""
    return str(_stemmer.stemWord(word))


def lexemes(text: str) -> Iterator[str]:
    """Yield what ``text`` is indexed under, in order."""
    for run, is_han in words(text):
        if is_han:
            yield from (run[i : i + 2] for i in range(len(run) - 1))
            yield run[-1]
        else:
            yield stem(run[:MAX_WORD])


def vector(*weighted: tuple[str, str]) -> str:
    """Return the text of a ``tsvector`` for (text, weight A–D) pairs."""
    positions: dict[str, list[str]] = {}
    position = 0
    for text, weight in weighted:
        for lexeme in lexemes(text):
            position += 1
            if position > MAX_TOKENS:
                break
            places = positions.setdefault(lexeme, [])
            if len(places) < 200:
                places.append(f"{position}{weight}")
        # A phrase does not reach from the title into the body.
        position += 5
    return " ".join(
        f"{_quote(lexeme)}:{','.join(places)}" for lexeme, places in positions.items()
    )


def query(text: str, *, match_any: bool = False) -> str:
    """Return the text of a ``tsquery`` for what a person typed, or nothing.

    All words have to occur (any of them with ``match_any``); Han runs and quoted
    phrases as they stand; the last word may be the beginning of a longer one.
    """
    text = text[:400]
    parts: list[str] = []
    for phrase in _PHRASE.findall(text):
        found = list(lexemes(phrase))
        if found:
            parts.append(" <-> ".join(map(_quote, found)))
    rest = list(words(_PHRASE.sub(" ", text)))
    for index, (run, is_han) in enumerate(rest[:24]):
        if is_han:
            parts.append(_han_query(run))
        elif index == len(rest) - 1 and not match_any:
            # Both, since the beginning of a word need not begin its stem.
            parts.append(f"({_quote(stem(run))} | {_quote(run)}:*)")
        else:
            parts.append(_quote(stem(run)))
    return (" | " if match_any else " & ").join(f"({part})" for part in parts)


def _han_query(run: str) -> str:
    if len(run) == 1:
        return f"{_quote(run)}:*"
    return " <-> ".join(_quote(run[i : i + 2]) for i in range(len(run) - 1))


def _quote(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
