"""The lines of a text that show why it was found."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from django.utils.safestring import SafeString, mark_safe

from search.text import HAN, normalise, stem

_PIECE = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
_HAN = re.compile(f"[{HAN}]")
# The line that opens or closes a block of code, with the language it names.
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^`\n]*(?:\n|\Z)", re.MULTILINE)

# A table: the line of its headings, the line of dashes, and the rows beneath.
_TABLE = re.compile(
    r"^([ \t]*\|[^\n]*)\n[ \t]*\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*$((?:\n[ \t]*\|[^\n]*)*)",
    re.MULTILINE,
)
_CELL_END = re.compile(r"(?<!\\)\|")


def readable(source: str) -> str:
    """Return ``source`` as a snippet shows it: words, without what frames them."""
    return without_tables(without_fences(source))


def without_tables(source: str) -> str:
    """Return ``source`` with every row of a table as its cells, side by side.

    Only a line of dashes makes a table; a pipe in a block of code stays.
    """
    return _TABLE.sub(lambda table: _rows(table[1] + table[2]), source)


def _rows(table: str) -> str:
    rows = (_CELL_END.split(line.strip())[1:] for line in table.split("\n"))
    texts = ((cell.strip().replace("\\|", "|") for cell in row) for row in rows)
    return "\n".join(" · ".join(filter(None, row)) for row in texts)


def without_fences(source: str) -> str:
    """Return ``source`` with its code, but without the lines that fence it.

    The index keeps them for the assistant, which quotes whole blocks of code.
    """
    return _FENCE.sub("", source)


def snippet(source: str, marked: Sequence[str], *, length: int = 220) -> SafeString:
    """Return about ``length`` characters with most of the words, these marked.

    ``marked`` are normalised words and pieces of Chinese (``asking.Question``).
    """
    matches = list(_matches(source, marked))
    first = _best_start(source, matches, length)
    begin = max(0, first - length // 3)
    if begin:
        # At the beginning of a word, where the language has such.
        begin = source.find(" ", begin, first) + 1 or begin
    end = min(len(source), begin + length)
    if end < len(source):
        # At the end of one, unless that would cut off half of the snippet.
        space = source.rfind(" ", begin + length // 2, end)
        end = space if space > 0 else end
    shown = "".join(_pieces(source, matches, begin, end))
    before = "… " if begin else ""
    after = " …" if end < len(source) else ""
    # Every piece of the text was escaped by ``_pieces``.
    return mark_safe(f"{before}{shown}{after}")  # noqa: S308


def _best_start(source: str, matches: list[tuple[int, int]], length: int) -> int:
    """Return the match from which on most different words stand within a snippet."""
    best, start = 0, matches[0][0] if matches else 0
    # A word that stands there hundreds of times is shown where it stands first.
    for at, (begin, _stop) in enumerate(matches[:200]):
        near = matches[at : at + 20]
        said = {
            stem(normalise(source[first:last]))
            for first, last in near
            if last <= begin + length * 2 // 3
        }
        if len(said) > best:
            best, start = len(said), begin
    return start


def _pieces(
    source: str, matches: list[tuple[int, int]], begin: int, end: int
) -> Iterator[str]:
    position = begin
    for start, stop in matches:
        if start < position or stop > end:
            continue
        yield escape(source[position:start])
        yield f"<mark>{escape(source[start:stop])}</mark>"
        position = stop
    yield escape(source[position:end])


def _matches(source: str, marked: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where ``source`` holds something ``marked``, in order, without overlaps."""
    han = sorted({word for word in marked if _HAN.match(word)}, key=len, reverse=True)
    others = [word for word in marked if not _HAN.match(word)]
    stems = {stem(word) for word in others}
    beginning = others[-1] if others and others[-1] == marked[-1] else None
    any_han = re.compile("|".join(map(re.escape, han))) if han else None
    for piece in _PIECE.finditer(source):
        folded = normalise(piece.group())
        if stem(folded) in stems or (beginning and folded.startswith(beginning)):
            yield piece.span()
        elif any_han and len(folded) == len(piece.group()):
            for found in any_han.finditer(folded):
                yield piece.start() + found.start(), piece.start() + found.end()
