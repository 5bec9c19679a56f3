"""Formulas: a tree of elements and attributes we know, written out by us.

The converter is trusted with mathematics, not with HTML: its tree is read element by
element, every text is escaped, and what is not on these lists is left out.
"""

import re
from collections.abc import Iterator
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter

# Maxwell's equations take 300; what is longer is a paper.
MAX_LENGTH = 1_000
# A formula costs about ten times what the same length of prose does.
MAX_TOTAL = 8_000
# What a formula costs before its first character: a converter of its own.
_PER_FORMULA = 8
# A definition of its own can be repeated in the next, and so grow without bounds.
_DEFINES = re.compile(
    r"\\(?:newcommand|renewcommand|providecommand|def|let)(?![a-zA-Z])"
)
_WORD = re.compile(r"[a-z-]{1,24}")
_LENGTHS = re.compile(r"(?:[+-]?\d{0,2}(?:\.\d{1,3})?(?:em|ex|mu|pt|px)?(?: |$)){1,12}")
_LEVEL = re.compile(r"[+-]?\d")

_LENGTH_NAMES = ("width", "height", "depth", "lspace", "rspace", "voffset")
_ROW = {"displaystyle": _WORD, "rowspacing": _LENGTHS, "columnspacing": _LENGTHS}
_SPACED = dict.fromkeys(_LENGTH_NAMES, _LENGTHS)
ELEMENTS: dict[str, dict[str, re.Pattern[str]]] = {
    "math": {"display": _WORD},
    "mrow": {},
    "mi": {"mathvariant": _WORD},
    "mn": {"mathvariant": _WORD},
    "mo": {
        **dict.fromkeys(("stretchy", "fence", "form", "separator"), _WORD),
        **dict.fromkeys(("movablelimits", "accent", "mathvariant"), _WORD),
        **dict.fromkeys(("lspace", "rspace", "minsize", "maxsize"), _LENGTHS),
    },
    "ms": {},
    "mtext": {"mathvariant": _WORD},
    "mspace": _SPACED,
    "msup": {},
    "msub": {},
    "msubsup": {},
    "mfrac": {"linethickness": _LENGTHS},
    "msqrt": {},
    "mroot": {},
    "mover": {"accent": _WORD},
    "munder": {"accentunder": _WORD},
    "munderover": {},
    "mmultiscripts": {},
    "mprescripts": {},
    "none": {},
    "mtable": {**_ROW, "columnalign": _WORD, "columnlines": _WORD, "rowlines": _WORD},
    "mtr": {},
    "mtd": {"columnalign": _WORD},
    "mstyle": {"displaystyle": _WORD, "scriptlevel": _LEVEL},
    "mpadded": _SPACED,
    "mphantom": {},
    "menclose": {"notation": _WORD},
}


class Formulas:
    """The formulas of one text: as many as a text of its length may cost."""

    def __init__(self) -> None:
        self.left = MAX_TOTAL

    @property
    def is_complete(self) -> bool:
        """Whether there was room for all of them so far."""
        return self.left >= 0

    def render(self, tex: str, *, is_block: bool) -> str:
        """Return MathML; what cannot be read, or is too much, as it was typed."""
        if self.left >= 0:
            self.left -= len(tex) + _PER_FORMULA
        if self.left < 0 or len(tex) > MAX_LENGTH or _DEFINES.search(tex):
            return _as_typed(tex)
        try:
            display = "block" if is_block else "inline"
            tree = Converter(display=display).convert_to_element(tex)
        except Exception:  # noqa: BLE001
            # The converter raises many kinds of errors on a formula it cannot read.
            return _as_typed(tex)
        return "".join(_written(tree))


def _as_typed(tex: str) -> str:
    return f'<code class="math">{escape(tex)}</code>'


def _written(element: Element) -> Iterator[str]:
    known = ELEMENTS.get(element.tag)
    if known is None:
        # Its text stays: the author wrote it.
        yield from _inside(element)
        return
    attributes = "".join(
        f' {name}="{escape(value)}"'
        for name, value in sorted(element.attrib.items())
        if name in known and known[name].fullmatch(value)
    )
    yield f"<{element.tag}{attributes}>"
    yield from _inside(element)
    yield f"</{element.tag}>"


def _inside(element: Element) -> Iterator[str]:
    yield _text(element.text)
    for child in element:
        yield from _written(child)
        yield _text(child.tail)


def _text(text: str | None) -> str:
    # The converter names characters as entities; as HTML they are escaped anew.
    return escape(unescape(text or ""), quote=False)
