"""Emphasis and line breaks that work between Chinese characters.

CommonMark decides by the characters beside ``**`` whether it opens or closes. It takes
Chinese punctuation for punctuation between words, which Chinese does not have, so that
``**重点：**后`` closes nothing. The CJK-friendly amendments mend that, and this follows
their text: https://github.com/tats-u/markdown-cjk-friendly/blob/main/specification.md.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token

from design.markdown.effort import CountingBlocks, spend

# Hangul counts by its script: its vowels and final consonants are not wide.
_HANGUL = re.compile("[\u1100-\u11ff\ud7b0-\ud7fb]")
# Wide characters that are shown as emoji unless something asks for text
# (Emoji_Presentation); the trigrams and digrams between them are text.
_EMOJI = re.compile(
    "[\u231a-\u262f\u2638-\u2689\u2690-\u2b55\U0001f000-\U0001f1ff\U0001f201"
    "\U0001f21a\U0001f22f\U0001f232-\U0001f236\U0001f238-\U0001f23a"
    "\U0001f250-\U0001f251\U0001f300-\U0001faff]"
)
# A variation selector belongs to the character before it. The last of them, U+FE0F,
# asks for an emoji and is not among these.
_SELECTOR = re.compile("[\ufe00-\ufe0e]")
_IDEOGRAPHIC_SELECTOR = re.compile("[\U000e0100-\U000e01ef]")
# With U+FE01 these are full-width. Chinese text has them so without it as well, so
# that beside a Chinese character they are taken for Chinese: our one addition.
_SHARED = frozenset("“”‘’—…·")
# Between these a line break is no space. Korean puts spaces between its words.
_UNSPACED = re.compile(
    "[\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff00-\uff60\uffe0-\uffe6\U00020000-\U0002a6df]"
)


def is_cjk(character: str) -> bool:
    """Tell whether this one character is what the amendments call a CJK character."""
    if _HANGUL.match(character):
        return True
    is_wide = unicodedata.east_asian_width(character) in {"W", "F", "H"}
    return is_wide and not _EMOJI.match(character)


@dataclass(frozen=True, slots=True)
class _Side:
    """What stands beside a run of ``*`` or ``_``; the end of a line is space."""

    is_space: bool
    is_punctuation: bool
    is_cjk: bool

    @property
    def is_foreign(self) -> bool:
        """Whether it is punctuation, and not Chinese, Japanese or Korean."""
        return self.is_punctuation and not self.is_cjk


class CjkStateInline(StateInline):
    """Lets ``**重点：**后`` open and close as a reader expects."""

    def push(self, ttype: str, tag: str, nesting: Any) -> Token:
        spend(self.env, 1)
        return super().push(ttype, tag, nesting)

    def pushPending(self) -> Token:  # noqa: N802
        spend(self.env, 1)
        return super().pushPending()

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        marker = self.src[start]
        end = start
        while end < self.posMax and self.src[end] == marker:
            end += 1
        before, after = self._before(start), self._after(end)
        opens = not after.is_space and (
            not after.is_foreign
            or before.is_space
            or before.is_punctuation
            or before.is_cjk
        )
        closes = not before.is_space and (
            not before.is_foreign
            or after.is_space
            or after.is_punctuation
            or after.is_cjk
        )
        if not canSplitWord:
            opens, closes = (
                opens and (not closes or before.is_punctuation),
                closes and (not opens or after.is_punctuation),
            )
        return Scanned(opens, closes, end - start)

    def _before(self, start: int) -> _Side:
        if start == 0:
            return _Side(is_space=True, is_punctuation=False, is_cjk=False)
        last = start - 1
        if _IDEOGRAPHIC_SELECTOR.match(self.src[last]):
            return _Side(is_space=False, is_punctuation=False, is_cjk=True)
        is_varied = last > 0 and _SELECTOR.match(self.src[last]) is not None
        if is_varied:
            last -= 1
        is_full_width = is_varied and self.src[last + 1] == "\ufe01"
        return self._side(last, beyond=last - 1, is_full_width=is_full_width)

    def _after(self, end: int) -> _Side:
        if end >= self.posMax:
            return _Side(is_space=True, is_punctuation=False, is_cjk=False)
        is_full_width = self.src[end + 1 : end + 2] == "\ufe01"
        return self._side(end, beyond=end + 1, is_full_width=is_full_width)

    def _side(self, at: int, *, beyond: int, is_full_width: bool) -> _Side:
        character = self.src[at]
        is_chinese = is_cjk(character)
        if character in _SHARED and not is_chinese:
            neighbour = self.src[beyond : beyond + 1] if beyond >= 0 else ""
            is_chinese = is_full_width or (bool(neighbour) and is_cjk(neighbour))
        return _Side(
            is_space=isWhiteSpace(ord(character)),
            is_punctuation=isPunctChar(character),
            is_cjk=is_chinese,
        )


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
            spend(state.env, 4)
        super().skipToken(state)


def softbreak(
    _renderer: object, tokens: Sequence[Token], index: int, options: Any, _env: object
) -> str:
    """Join lines between two Chinese characters without a space."""
    before = tokens[index - 1].content[-1:] if index else ""
    after = tokens[index + 1].content[:1] if index + 1 < len(tokens) else ""
    if _UNSPACED.match(before) and _UNSPACED.match(after):
        return ""
    return "<br>\n" if options["breaks"] else "\n"


def use_cjk(parser: MarkdownIt) -> None:
    """Teach ``parser`` both; call this before other plugins add rules."""
    parser.inline = CjkParserInline()
    parser.block = CountingBlocks()
    parser.add_render_rule("softbreak", softbreak)
