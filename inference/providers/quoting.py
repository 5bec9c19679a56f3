"""What of a section is quoted: whole steps, rows and paragraphs, with their code.

A section that is short is quoted as it stands. Of a long one the blocks that speak of
the question are, each whole, with what belongs to it: the list or the code that a
sentence announces, the sentence that announces the code.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from django.conf import settings

# A screen of a phone; longer sections hold more than one subject.
SHORT = 900
# What is quoted of a long section, at most, and of a page that is not the first.
MOST = 1_600
MOST_OF_OTHERS = 500  # as above
# More rows are a reference, of which a question is about one or two.
MOST_ROWS = 8
KEPT_ROWS = 4  # as above

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_LINK_HERE = re.compile(r"(\]\()(/)")

Score = Callable[[str], float]


class BlockKind(Enum):
    PROSE = auto()
    LIST = auto()
    TABLE = auto()
    CODE = auto()


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of Markdown that belong together."""

    kind: BlockKind
    text: str

    @property
    def announces(self) -> bool:
        """Tell whether the next block is part of what this one says."""
        return self.kind is not BlockKind.CODE and self.text.rstrip()[-1] in ":："


def blocks_of(source: str) -> list[Block]:
    """Return the blocks of a section; code inside a list is part of the list."""
    blocks: list[Block] = []
    lines: list[str] = []
    kind = BlockKind.PROSE

    def end() -> None:
        text = "\n".join(lines).strip("\n")
        if text.strip():
            blocks.append(Block(kind, text))
        lines.clear()

    for group, is_code in _groups(source):
        first = group[0]
        found = _kind_of(first, is_code=is_code)
        is_inside = first[:1].isspace() and kind is BlockKind.LIST and bool(lines)
        if is_inside or (found is BlockKind.LIST and kind is BlockKind.LIST and lines):
            lines += ["", *group]
            continue
        end()
        kind = found
        lines += group
    end()
    return blocks


def quote(source: str, score: Score, *, most: int = MOST) -> str:
    """Return what of a section answers, as Markdown.

    ``score`` tells how much a text speaks of the question.
    """
    blocks = blocks_of(source)
    if not blocks:
        return ""
    if most >= SHORT and len(source) <= SHORT:
        return "\n\n".join(_here(block, block.text) for block in blocks)
    scores = [score(block.text) for block in blocks]
    if not any(scores):
        scores[0] = 1.0
    kept: set[int] = set()
    length = 0
    for index in sorted(range(len(blocks)), key=lambda at: (-scores[at], at)):
        group = _with_its_own(blocks, index) - kept
        size = sum(len(_shortened(blocks[at], score)) for at in group)
        # The best of it is said, however long it is.
        if scores[index] <= 0 or (kept and length + size > most):
            continue
        kept |= group
        length += size
    return "\n\n".join(
        _here(blocks[at], _shortened(blocks[at], score)) for at in sorted(kept)
    )


def first_code(source: str) -> str:
    """Return the first block of code of a section, or nothing."""
    return next(
        (block.text for block in blocks_of(source) if block.kind is BlockKind.CODE), ""
    )


def has_code(source: str) -> bool:
    return "```" in source or "~~~" in source


def _with_its_own(blocks: Sequence[Block], index: int) -> set[int]:
    """Return a block with the ones it would be half without."""
    group = {index}
    at = index
    # What a sentence announces, and the code that shows a step …
    while at + 1 < len(blocks) and (
        blocks[at].announces or blocks[at + 1].kind is BlockKind.CODE
    ):
        at += 1
        group.add(at)
    # … and the sentence before it.
    at = index
    while at > 0 and (blocks[at].kind is BlockKind.CODE or blocks[at - 1].announces):
        at -= 1
        group.add(at)
    return group


def _shortened(block: Block, score: Score) -> str:
    """Return a block, of a long table its head and the rows that matter."""
    lines = block.text.split("\n")
    head, rows = lines[:2], lines[2:]
    if block.kind is not BlockKind.TABLE or len(rows) <= MOST_ROWS:
        return block.text
    ranked = sorted(range(len(rows)), key=lambda at: (-score(rows[at]), at))
    kept = sorted(ranked[:KEPT_ROWS])
    return "\n".join([*head, *(rows[at] for at in kept)])


def _groups(source: str) -> Iterator[tuple[list[str], bool]]:
    """Yield runs of lines between empty ones, and blocks of code; which it is."""
    fence = ""
    group: list[str] = []
    for line in source.split("\n"):
        found = _FENCE.match(line)
        if fence:
            group.append(line)
            closes = found and found.group(1).startswith(fence)
            if closes and not line.strip().strip(fence[0]):
                yield group, True
                group, fence = [], ""
        elif found:
            if group:
                yield group, False
            group, fence = [line], found.group(1)
        elif line.strip():
            begins = line.startswith("|") != (
                group[-1].startswith("|") if group else False
            )
            if group and begins:
                yield group, False
                group = []
            group.append(line)
        elif group:
            yield group, False
            group = []
    if group:
        yield group, bool(fence)


def _kind_of(line: str, *, is_code: bool) -> BlockKind:
    if is_code:
        return BlockKind.CODE
    if line.startswith("|"):
        return BlockKind.TABLE
    return BlockKind.LIST if _ITEM.match(line) else BlockKind.PROSE


def _here(block: Block, text: str) -> str:
    """Return Markdown whose links to this site work elsewhere, too; code as it is."""
    if block.kind is BlockKind.CODE:
        return text
    return _LINK_HERE.sub(rf"\1{settings.SITE_URL}\2", text)
