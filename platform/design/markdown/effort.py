"""How much work one text may be: counted, so that it is the same on every machine.

A parser of Markdown is quick on what people write and slow on what nobody writes, such
as forty thousand opening brackets. A unit is about ten microseconds; prose with tables
and links takes a unit for every seven characters.
"""

import re
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.rules_inline import StateInline, linkify
from markdown_it.token import Token

# Forty milliseconds: a short text may be all links.
FEWEST = 4_000
# Four times what prose with tables and links takes.
PER_CHARACTER = 0.6
# A paragraph or an item of a list, with the inline parse that follows it.
_BLOCK = 3
# A block of code is coloured, which takes about 0.2 ms.
_CODE = 20
# An address is parsed, encoded and checked.
_LINK = 6
# So many characters of address weigh as much as one unit.
_ADDRESS = 40
# So many characters are searched in one unit.
_SEARCHED = 200
_WORD = re.compile(r"\S*")


class TooMuchEffort(Exception):
    """A text would take longer than any text that people write."""


class Effort:
    """The work left for one text."""

    def __init__(self, text: str) -> None:
        self.left = max(FEWEST, len(text) * PER_CHARACTER)

    def spend(self, units: float) -> None:
        """Take ``units`` off. Raises ``TooMuchEffort`` when none are left."""
        self.left -= units
        if self.left < 0:
            raise TooMuchEffort


def spend(env: Any, units: float) -> None:
    """Take ``units`` off the effort of ``env``, where it has one."""
    effort: Effort | None = env.get("effort")
    if effort is not None:
        effort.spend(units)


def spend_on_address(env: Any, address: str) -> None:
    """Count an address: a reference written once may be used thousands of times."""
    spend(env, _LINK + len(address) / _ADDRESS)


def link_bare_addresses(state: StateInline, silent: bool) -> bool:
    """Link an address without brackets, counting the search for its two ends.

    For each ``://`` the parser looks back through all text since the last link, and
    on to the next blank: thousands of them in one word would take seconds.
    """
    if state.src.startswith("://", state.pos):
        word = _WORD.match(state.src, state.pos)
        ahead = len(word[0]) if word else 0
        spend(state.env, (len(state.pending) + ahead) / _SEARCHED)
    return linkify(state, silent)


class _StateBlock(StateBlock):
    def push(self, ttype: str, tag: str, nesting: Any) -> Token:
        spend(self.env, _CODE if ttype == "fence" else _BLOCK)
        return super().push(ttype, tag, nesting)


class CountingBlocks(ParserBlock):
    """The block parser, counting what it makes."""

    def parse(
        self,
        src: str,
        md: MarkdownIt,
        env: Any,
        outTokens: list[Token],  # noqa: N803
    ) -> list[Token] | None:
        """Parse ``src``. Raises ``TooMuchEffort``."""
        if not src:
            return None
        state = _StateBlock(src, md, env, outTokens)
        self.tokenize(state, state.line, state.lineMax)
        return state.tokens
