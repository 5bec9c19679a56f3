"""Words of English and Chinese text, as PostgreSQL's vectors want them.

Han runs become overlapping pairs plus their last character, so any substring
of two or more characters is found exactly; everything else is split into words
and stemmed as English. Names with signs in them (``max_tokens``, ``1.0.2``, ``c++``)
are indexed whole as well, at the place of their first part. No extension and no
dictionary of words is needed.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer
from opencc import OpenCC

# 々 and 〇, the ideographs with their first extension, and the rarer ones beyond.
HAN = "\u3005\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
_HAN = re.compile(rf"^[{HAN}]+$")
_PHRASE = re.compile(r'"([^"]+)"')
_WORD = rf"[^\W_{HAN}]+"
# Words joined by signs, or with those before and after them that tell one name from
# another: ``gpt-4o``, ``c#``, ``.env``. A sign that ends a sentence belongs to none.
_WHOLE = re.compile(
    rf"(?<![^\W{HAN}])(?:(?<![.\w])\.)?{_WORD}"
    rf"(?:(?:_+|[.\-]|\+{{1,2}}){_WORD})*(?:\+\+|#(?![^\W{HAN}]))?"
)
# Signs of money, of law, measure and sums; arrows, dingbats and the blocks of emoji.
SIGNS = "\u00a2-\u00a7\u00a9\u00ac\u00ae\u00b0\u00b1\u00b6\u00d7\u00f7\u20a0-\u20cf"
SIGNS += "\u2190-\u2bff\U0001f000-\U0001faff"
_SIGN = re.compile(f"[{SIGNS}]")
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
    """Fold width, case and script: ``ＡＰＩ`` is ``api``, ``臺灣`` is ``台湾``."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return text if text.isascii() else text.translate(_simplified())


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    """Return OpenCC's simplified character of each traditional one; one for one."""
    blocks = (range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x32000))
    characters = [chr(point) for block in blocks for point in block]
    folded = OpenCC("t2s").convert("\n".join(characters)).split("\n")
    pairs = zip(characters, folded, strict=True)
    return {ord(before): after for before, after in pairs if before != after}


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


def wholes(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield begin, end and form of what is more than its words, in a normalised text.

    The begin is that of its first word, or of a sign that stands for itself.
    """
    for match in _WHOLE.finditer(text):
        whole = match.group()[:MAX_WORD]
        first = next(_TOKEN.finditer(text, match.start()))
        if first.group() != whole == match.group():
            yield first.start(), match.end(), whole
    for match in _SIGN.finditer(text):
        yield match.start(), match.end(), match.group()


def placed(text: str) -> Iterator[tuple[str, int]]:
    """Yield what ``text`` is indexed under and how far each is from the one before.

    What is whole stands where its first word does, so phrases run through it.
    """
    text = normalise(text)
    found = sorted((begin, whole) for begin, _end, whole in wholes(text))
    at = 0
    for match in _TOKEN.finditer(text):
        while at < len(found) and found[at][0] < match.start():
            yield found[at][1], 0
            at += 1
        for number, lexeme in enumerate(lexemes(match.group())):
            yield lexeme, 1
            while number == 0 and at < len(found) and found[at][0] == match.start():
                yield found[at][1], 0
                at += 1
    yield from ((whole, 0) for _begin, whole in found[at:])


def vector(*weighted: tuple[str, str]) -> str:
    """Return the text of a ``tsvector`` for (text, weight A–D) pairs."""
    positions: dict[str, list[str]] = {}
    position = 0
    for text, weight in weighted:
        for lexeme, step in placed(text):
            # Positions begin with 1, where a sign before all words stands, too.
            position = max(position + step, 1)
            if position > MAX_TOKENS:
                break
            places = positions.setdefault(lexeme, [])
            if len(places) < MAX_PLACES:
                places.append(f"{position}{weight}")
        # A phrase does not reach from the title into the body.
        position += 5
    return " ".join(
        f"{quote(lexeme)}:{','.join(places)}" for lexeme, places in positions.items()
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
            parts.append(f"({_word(run)} | {quote(run[:MAX_WORD])}:*)")
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
            asked.append((place, f"{quote(run)}:*"))
        pairs = (run[at : at + 2] for at in range(len(run) - 1))
        asked += [(place + at, quote(pair)) for at, pair in enumerate(pairs)]
        place += len(run)
    phrase = ""
    for index, (at, lexeme) in enumerate(asked):
        step = f" <{at - asked[index - 1][0]}> " if index else ""
        phrase += step + lexeme
    return phrase


def _word(run: str) -> str:
    return quote(stem(run[:MAX_WORD]))


def quote(lexeme: str) -> str:
    """Return a lexeme as ``tsvector`` and ``tsquery`` read it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
