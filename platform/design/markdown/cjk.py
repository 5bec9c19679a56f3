"""Emphasis and line breaks that work between Chinese characters.

Adapted from mdit-py-cjk-friendly 0.3.0 (MIT, see THIRD_PARTY.md): the same rule,
as a parser of our own instead of a change to every parser in the process.
"""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token

from design.markdown.effort import CountingBlocks, spend

_CJK = re.compile(
    "[\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff00-\uff60\uffe0-\uffe6\U00020000-\U0002a6df]"
)
# Curly quotes and dashes are shared with Latin text, but are full-width in Chinese.
_SHARED = frozenset("“”‘’—…·")


def is_cjk(character: str) -> bool:
    """Tell whether this one character belongs to Chinese or Japanese text."""
    return bool(_CJK.match(character))


class CjkStateInline(StateInline):
    """Lets ``**重点：**后`` open and close as a reader expects."""

    def push(self, ttype: str, tag: str, nesting: Any) -> Token:
        spend(self.env, 1)
        return super().push(ttype, tag, nesting)

    def pushPending(self) -> Token:  # noqa: N802
        spend(self.env, 1)
        return super().pushPending()

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        scanned = super().scanDelims(start, canSplitWord)
        if scanned.can_open and scanned.can_close:
            return scanned
        end = start + scanned.length
        before = self.src[start - 1] if start > 0 else " "
        after = self.src[end] if end < self.posMax else " "
        if not self._is_chinese_here(before, start - 2, after, end + 1):
            return scanned
        return _scan(before, after, scanned.length, can_split_word=canSplitWord)

    def _is_chinese_here(
        self, before: str, far: int, after: str, next_far: int
    ) -> bool:
        if is_cjk(before) or is_cjk(after):
            return True
        outer = self.src[far : far + 1] if far >= 0 else ""
        inner = self.src[next_far : next_far + 1]
        return (before in _SHARED and is_cjk(outer)) or (
            after in _SHARED and is_cjk(inner)
        )


def _scan(before: str, after: str, length: int, *, can_split_word: bool) -> Scanned:
    """Decide flanking; a CJK character helps like punctuation and never hinders."""
    before_blocks, before_helps = _punctuation(before)
    after_blocks, after_helps = _punctuation(after)
    space_before = isWhiteSpace(ord(before))
    space_after = isWhiteSpace(ord(after))
    opens = not space_after and (not after_blocks or space_before or before_helps)
    closes = not space_before and (not before_blocks or space_after or after_helps)
    if can_split_word:
        return Scanned(opens, closes, length)
    return Scanned(
        opens and (not closes or before_helps),
        closes and (not opens or after_helps),
        length,
    )


def _punctuation(character: str) -> tuple[bool, bool]:
    """Return whether a character blocks emphasis beside it, and whether it helps."""
    is_mark = isMdAsciiPunct(ord(character)) or isPunctChar(character)
    if is_cjk(character):
        return False, True
    return is_mark, is_mark


class CjkParserInline(ParserInline):
    """The inline parser with the state above."""

    def parse(
        self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]
    ) -> list[Token]:
        state = CjkStateInline(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens

    def skipToken(self, state: StateInline) -> None:  # noqa: N802
        if state.pos not in state.cache:
            # Every rule is tried on it, without making anything.
            spend(state.env, 3)
        super().skipToken(state)


def softbreak(
    _renderer: object, tokens: Sequence[Token], index: int, options: Any, _env: object
) -> str:
    """Join lines between two Chinese characters without a space."""
    before = tokens[index - 1].content[-1:] if index else ""
    after = tokens[index + 1].content[:1] if index + 1 < len(tokens) else ""
    if is_cjk(before) and is_cjk(after):
        return ""
    return "<br>\n" if options["breaks"] else "\n"


def use_cjk(parser: MarkdownIt) -> None:
    """Teach ``parser`` both; call this before other plugins add rules."""
    parser.inline = CjkParserInline()
    parser.block = CountingBlocks()
    parser.add_render_rule("softbreak", softbreak)
