"""Tokens as words: what search reads, and what a page says without its marks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

# Chinese joins over the end of a line without a space.
_HAN_END = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]$")
_HAN_START = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
# A row of cells this short compares its columns.
_SHORT = 12
_BLOCKS_AS_THEY_ARE = {"code_block", "math_block"}


def inline_text(tokens: Sequence[Token]) -> str:
    """Return the words of inline tokens: no marks, a picture as what it shows."""
    parts = []
    for token in tokens:
        if token.type in {"text", "code_inline", "math_inline"}:
            parts.append(token.content)
        elif token.type == "image":
            parts.append(inline_text(token.children or []))
        elif token.type in {"softbreak", "hardbreak"} or token.content == "<br>":
            parts.append(" ")
    return "".join(parts)


def plain(tokens: Sequence[Token]) -> str:
    """Return every line of a text, one below the other."""
    return "\n".join(line for line in _lines(tokens) if line)


def _lines(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "inline":
            yield inline_text(token.children or []).strip()
        elif token.type == "fence" or token.type in _BLOCKS_AS_THEY_ARE:
            yield token.content.strip()


@dataclass(slots=True)
class _Prose:
    """Blocks of words with the lines they stand on."""

    parts: list[str] = field(default_factory=list)
    last: int = -1

    def add(self, text: str, lines: Sequence[int] | None) -> None:
        first, end = (lines[0], lines[1]) if lines else (self.last, self.last)
        if text and self.parts and first > self.last:
            self.parts.append("")
        if text:
            self.parts.append(text)
            self.last = end


def prose(tokens: Sequence[Token]) -> str:
    """Return tokens as text for search and embedding.

    Paragraphs and items a line each, the row of a table a line that names its columns
    where rows compare them, code with its fences. Empty lines stay where they were.
    """
    found = _Prose()
    row: list[str] = []
    columns: list[str] = []
    is_cell = False
    for token in tokens:
        if token.type in {"td_open", "th_open"}:
            is_cell = True
        elif token.type == "inline" and is_cell:
            row.append(_joined(token.children or []))
            lines, is_cell = token.map, False
        elif token.type == "inline":
            found.add(_joined(token.children or []), token.map)
        elif token.type == "fence":
            code = "\n".join(
                (token.markup + token.info, token.content.rstrip(), token.markup)
            )
            found.add(code, token.map)
        elif token.type in _BLOCKS_AS_THEY_ARE:
            found.add(token.content.strip("\n"), token.map)
        elif token.type == "table_open":
            columns = []
        elif token.type == "tr_close":
            if columns and any(row):
                found.add(_row(columns, row), lines)
            columns, row = columns or row, []
    return "\n".join(found.parts).strip()


def _joined(tokens: Sequence[Token]) -> str:
    """Return the words of a paragraph as one line."""
    parts = []
    for token in tokens:
        if token.type in {"softbreak", "hardbreak"} or token.content == "<br>":
            parts.append("\n")
        elif token.type == "code_inline":
            parts.append(token.content.strip())
        else:
            parts.append(inline_text([token]))
    first, *rest = "".join(parts).split("\n")
    line = first.strip()
    for each in map(str.strip, rest):
        is_chinese = _HAN_END.search(line) and _HAN_START.match(each)
        line += each if is_chinese or not each or not line else f" {each}"
    return line


def _row(columns: Sequence[str], cells: Sequence[str]) -> str:
    """Return a table's row as a line; columns are named where rows compare them."""
    first, *rest = cells
    is_comparison = not columns[0] or (
        len(rest) > 2 and all(len(cell) <= _SHORT for cell in rest)
    )
    if is_comparison:
        named = zip(columns[1:], rest, strict=False)
        told = ", ".join(f"{name} {cell}" for name, cell in named if cell)
    else:
        told = " – ".join(filter(None, (cell.rstrip("。.") for cell in rest)))
    colon = "：" if _HAN_END.search(first) else ": "
    return colon.join(filter(None, (first, told)))
