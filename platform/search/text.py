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

# 々 and 〇, the ideographs with their first extension, and the rarer ones beyond.
HAN = "\u3005\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
_HAN = re.compile(rf"^[{HAN}]+$")
_PHRASE = re.compile(r'"([^"]+)"')
_stemmer = snowballstemmer.stemmer("english")

# PostgreSQL keeps positions up to 16383 and 256 of one word; beyond is noise.
MAX_TOKENS = 12_000
# Below those 256, and a word that stands there more often is not what it is about.
MAX_PLACES = 200
# Longer than any word; what is longer is a hash or an encoded file.
MAX_WORD = 60
# Twice what a page takes; the assistants are asked in whole sentences.
MAX_QUERY = 400
# A long sentence. Each is a lookup in the index.
MAX_QUERY_TOKENS = 24


def normalise(text: str) -> str:
    """Fold width and case: ``ＡＰＩ`` and ``api`` are one."""
    return unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each run of ``text`` and whether it is Han."""
    for match in _TOKEN.finditer(normalise(text)):
        run = match.group()
        yield run, bool(_HAN.match(run))


# As many words as a large corpus of English has; some ten megabytes.
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
            if len(places) < MAX_PLACES:
                places.append(f"{position}{weight}")
        # A phrase does not reach from the title into the body.
        position += 5
    return " ".join(
        f"{_quote(lexeme)}:{','.join(places)}" for lexeme, places in positions.items()
    )


def query(text: str, *, match_any: bool = False) -> str:
    """Return the text of a ``tsquery`` for what a person typed, or nothing.

    All words have to occur (any of them with ``match_any``); Han runs and quoted
    phrases as they stand; the last word may be the beginning of a longer one. No
    other sign means anything, so nothing anybody types is a syntax error.
    """
    text = text[:MAX_QUERY]
    parts = [_phrase(list(words(phrase))) for phrase in _PHRASE.findall(text)]
    rest = list(words(_PHRASE.sub(" ", text)))[:MAX_QUERY_TOKENS]
    for index, (run, is_han) in enumerate(rest):
        if is_han:
            parts.append(_phrase([(run, is_han)]))
        elif index == len(rest) - 1 and not match_any:
            # Both, since the beginning of a word need not begin its stem.
            parts.append(f"({_word(run)} | {_quote(run[:MAX_WORD])}:*)")
        else:
            parts.append(_word(run))
    found = [part for part in parts if part][:MAX_QUERY_TOKENS]
    return (" | " if match_any else " & ").join(f"({part})" for part in found)


def _phrase(runs: list[tuple[str, bool]]) -> str:
    """Return a ``tsquery`` of runs that follow one another.

    A run of n ideographs has n places in a vector: its pairs, then its last
    character alone. Inside a longer run that last place holds a pair instead, so
    it is only counted and never asked for.
    """
    asked: list[tuple[int, str]] = []
    place = 0
    for run, is_han in runs[:MAX_QUERY_TOKENS]:
        if not is_han:
            asked.append((place, _word(run)))
            place += 1
            continue
        if len(run) == 1:
            asked.append((place, f"{_quote(run)}:*"))
        pairs = (run[at : at + 2] for at in range(len(run) - 1))
        asked += [(place + at, _quote(pair)) for at, pair in enumerate(pairs)]
        place += len(run)
    phrase = ""
    for index, (at, lexeme) in enumerate(asked):
        step = f" <{at - asked[index - 1][0]}> " if index else ""
        phrase += step + lexeme
    return phrase


def _word(run: str) -> str:
    return _quote(stem(run[:MAX_WORD]))


def _quote(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
