"""Code colouring on the server: classes only, so that both themes share it."""

import time
from html import escape

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import (
    Comment,
    Error,
    Generic,
    Keyword,
    Literal,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Token,
    _TokenType,
)
from pygments.util import ClassNotFound

# About 600 lines. A longer block is shown without colours.
MAX_LENGTH = 20_000
# Of one text, all blocks together: Pygments is slow on what nobody writes.
MAX_SECONDS = 0.15
_AS_IT_IS = {"stripnl": False, "ensurenl": False}

# The most specific first; the colours are in components/code.css.
_CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment.Preproc, "hl-d"),
    (Comment, "hl-c"),
    (Keyword.Constant, "hl-m"),
    (Keyword.Type, "hl-t"),
    (Keyword, "hl-k"),
    (Operator.Word, "hl-k"),
    (Name.Function, "hl-f"),
    (Name.Class, "hl-t"),
    (Name.Decorator, "hl-d"),
    (Name.Tag, "hl-k"),
    (Name.Attribute, "hl-a"),
    (Name.Builtin, "hl-t"),
    (Name.Constant, "hl-m"),
    (Name.Variable, "hl-a"),
    (Number, "hl-m"),
    (String, "hl-s"),
    (Literal, "hl-m"),
    (Operator, "hl-o"),
    (Punctuation, "hl-o"),
    (Generic.Inserted, "hl-gi"),
    (Generic.Deleted, "hl-gd"),
    (Generic.Heading, "hl-gh"),
    (Generic.Subheading, "hl-gh"),
    (Generic.Prompt, "hl-c"),
    (Error, ""),
    (Token, ""),
)
MARKED = "hl-line"
CLASSES = frozenset({MARKED, *(css for _kind, css in _CLASSES if css)})


class Highlighter:
    """The colours of one text's code: as many as there is time for, together."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self.seconds = seconds

    def highlight(
        self, code: str, language: str, marked: frozenset[int] = frozenset()
    ) -> str:
        """Return escaped code with coloured spans; plain when unknown, long or slow.

        ``marked`` are lines, from 1, that the writer points at.
        """
        coloured = self._highlighted(code, language)
        if not marked:
            return coloured
        lines = _closed_lines(coloured)
        return "\n".join(
            f'<span class="{MARKED}">{line}</span>' if number in marked else line
            for number, line in enumerate(lines, start=1)
        )

    def _highlighted(self, code: str, language: str) -> str:
        if not language or len(code) > MAX_LENGTH or self.seconds <= 0:
            return escape(code)
        # Time of this thread alone: a busy machine is no reason to leave colours out.
        start = time.thread_time()
        try:
            return self._coloured(code, get_lexer_by_name(language, **_AS_IT_IS), start)
        except ClassNotFound:
            return escape(code)
        finally:
            self.seconds -= time.thread_time() - start

    def _coloured(self, code: str, lexer: Lexer, start: float) -> str:
        parts: list[str] = []
        for kind, text in lexer.get_tokens(code):
            if time.thread_time() - start > self.seconds:
                return escape(code)
            css = next(css for parent, css in _CLASSES if _belongs(kind, parent))
            parts.append(
                f'<span class="{css}">{escape(text)}</span>' if css else escape(text)
            )
        return "".join(parts)


def _closed_lines(html: str) -> list[str]:
    """Return the lines of coloured code; a span over several begins anew on each."""
    lines: list[str] = []
    opened = ""
    for line in html.split("\n"):
        line = opened + line
        last = line.rfind("<span")
        opened = (
            line[last : line.index(">", last) + 1]
            if last > line.rfind("</span")
            else ""
        )
        lines.append(line + ("</span>" if opened else ""))
    return lines


def _belongs(kind: _TokenType, parent: _TokenType) -> bool:
    """Tell whether ``kind`` is ``parent`` or one of its kinds."""
    return kind[: len(parent)] == parent
