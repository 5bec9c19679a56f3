"""Names people choose: how much they say, and which ones an address has taken."""

import re
import unicodedata
from functools import cache

from django.urls import URLPattern, URLResolver, get_resolver

# A Chinese character says about as much as two letters do.
_WIDE = 2
# Joined to the sign before it: marks, selectors, skin tones, the joiner itself.
_JOINER = "\u200d"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Mn", "Me", "Zs", "Zl", "Zp"})
# Letters and a sign to Unicode, and blank on every page: the fillers of Hangul, as a
# Jamo, a letter and at half width, and Braille without a dot.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# They turn or split what follows: a name must not rewrite the list it stands in. The
# first are controls, which no feed can carry; those that part lines become blanks.
_INVISIBLE = re.compile(
    "[\x01-\x08\x0e-\x1b\x7f\ufffe\uffff"
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
# Marks stacked on one letter, and what may stand between two of them: of Latin,
# Hebrew, Arabic, Thai and Lao. A hundred would cover the lines around the name.
_MARKS = (
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05c7\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    "\u200c\u200d\ufe00-\ufe0f]"
)
# Five are the most that people write: dots, vowel and accents of Biblical Hebrew.
_STACKED = re.compile(f"({_MARKS}{{5}}){_MARKS}+")


def is_seen(character: str) -> bool:
    """Tell whether a character leaves a mark on the page by itself."""
    is_blank = character in _BLANKS
    return not is_blank and unicodedata.category(character) not in _UNSEEN


def on_one_line(text: str) -> str:
    """Return a name or a title that changes nothing around it.

    It has no line breaks, nothing that turns its neighbours, and no tower of marks.
    """
    return " ".join(_STACKED.sub(r"\1", _INVISIBLE.sub("", text)).split())


def measure(text: str) -> int:
    """Return how much a text says, in Latin letters, as far as it can be seen."""
    said = 0
    is_joined = False
    for character in unicodedata.normalize("NFC", text):
        if character == _JOINER:
            is_joined = True
            continue
        is_tone = "\U0001f3fb" <= character <= "\U0001f3ff"
        if is_seen(character) and not is_joined:
            is_wide = unicodedata.east_asian_width(character) in {"W", "F"}
            said += 0 if is_tone else _WIDE if is_wide else 1
        is_joined = False
    return said


@cache
def taken_at(prefix: str) -> frozenset[str]:
    """Return the words that are pages of their own right under ``prefix``.

    They come from the URLs there are: ``console/`` has ``new``, so nothing else may
    be called that.
    """
    found = set()
    for route in routes_of(get_resolver()):
        if route.startswith(prefix):
            word = route.removeprefix(prefix).partition("/")[0]
            if word and not set(word) & set("<>()[]^$\\?*+"):
                found.add(word)
    return frozenset(found)


def routes_of(resolver: URLResolver, before: str = "") -> list[str]:
    """Return every route of a resolver, each behind ``before``."""
    routes = []
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern).removeprefix("^").rstrip("$")
        if isinstance(pattern, URLPattern):
            routes.append(route)
        else:
            routes += routes_of(pattern, route)
    return routes
