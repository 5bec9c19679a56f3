"""A text as a document: its sections, ids and links, from the one parse there is."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it.common.normalize_url import normalizeLink
from markdown_it.common.utils import unescapeAll
from markdown_it.token import Token

from design.markdown.dialects import SourceComment
from design.markdown.plain import inline_text, prose
from design.markdown.rendering import parse

_CODE_SPAN = re.compile(r"(`+)(?:(?!`).)+?\1(?!`)", re.DOTALL)
_TARGET = re.compile(r"(\]\(\s*)(<[^<>\n]*>|(?:[^\s()<>]|\([^\s()]*\))+)")
_DEFINITION = re.compile(r"(\]:\s*)(<[^<>\n]*>|\S+)")


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one heading: as it is written, and as words for search.

    ``id`` is that of the heading in the page; what stands before the first heading
    has neither. ``comments`` are those that stand by themselves; ``source`` is without
    them: nobody is to read them.
    """

    heading: str
    id: str
    source: str
    prose: str
    comments: tuple[SourceComment, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """An address a text leads to, as it stands in HTML; ``line`` counts from 0."""

    line: int
    address: str


def sections(text: str, *, top_level: int = 1) -> list[Section]:
    """Cut a page at its headings, each with the text up to the next one.

    Headings in quotations, lists and boxes belong to the section around them.
    """
    env = _env(top_level)
    tokens = parse(text, env)
    lines = text.split("\n")
    starts, ends, heads = [0], [0], [("", "")]
    for index, token in enumerate(tokens):
        if token.type != "heading_open" or token.level or not token.map:
            continue
        starts.append(token.map[0])
        ends.append(token.map[1])
        words = inline_text(tokens[index + 1].children or []).strip()
        heads.append((words, str(token.attrGet("id") or "")))
    bodies: list[list[Token]] = [[] for _ in starts]
    for block in _blocks(tokens):
        if block[0].type != "heading_open" or block[0].level:
            first = next((token.map[0] for token in block if token.map), 0)
            bodies[bisect_right(starts, first) - 1] += block
    comments: list[list[SourceComment]] = [[] for _ in starts]
    hidden: set[int] = set()
    for comment in env.get("comments", []):
        comments[bisect_right(starts, comment.start) - 1].append(comment)
        hidden.update(range(comment.start, comment.end))
    limits = [*starts[1:], len(lines)]
    found = []
    for head, end, limit, body, said in zip(
        heads, ends, limits, bodies, comments, strict=True
    ):
        kept = [lines[at] for at in range(end, limit) if at not in hidden]
        source = "\n".join(kept).strip("\n").rstrip()
        found.append(Section(*head, source, prose(body), tuple(said)))
    return found


def ids(text: str, *, top_level: int = 1) -> set[str]:
    """Return the id of every heading of a page."""
    return {
        str(token.attrGet("id"))
        for token in _parsed(text, top_level)
        if token.type == "heading_open"
    }


def links(text: str) -> list[Link]:
    """Return where a text leads: links in any spelling, not what code shows."""
    return [
        Link(line, address)
        for token in _parsed(text)
        if token.type == "inline"
        for line, address in _addresses(token)
    ]


def with_addresses(text: str, change: Callable[[str], str | None]) -> str:
    """Return the Markdown with addresses changed, and nothing else.

    ``change`` gets each as it stands in HTML and returns another or ``None``.
    """
    env: dict[str, Any] = {"outline": [], "references": {}}
    lines = text.split("\n")
    changes: list[tuple[list[int], re.Pattern[str], dict[str, str]]] = []
    for token in parse(text, env):
        if token.type != "inline" or not token.map:
            continue
        found = {address: change(address) for _line, address in _addresses(token)}
        changed = {old: new for old, new in found.items() if new is not None}
        if changed:
            changes.append((token.map, _TARGET, changed))
    for definition in env["references"].values():
        new = change(definition["href"])
        if new is not None:
            place = [*definition["map"]]
            changes.append((place, _DEFINITION, {definition["href"]: new}))
    for place, pattern, changed in changes:
        first, end = place[0], max(place[1], place[0] + 1)
        block = _replaced("\n".join(lines[first:end]), pattern, changed)
        lines[first:end] = block.split("\n")
    return "\n".join(lines)


def _parsed(text: str, top_level: int = 1) -> list[Token]:
    return parse(text, _env(top_level))


def _env(top_level: int) -> dict[str, Any]:
    return {"has_ids": True, "top_level": top_level, "outline": []}


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each outermost block."""
    block: list[Token] = []
    depth = 0
    for token in tokens:
        block.append(token)
        depth += token.nesting
        if depth == 0:
            yield block
            block = []


def _addresses(token: Token) -> Iterator[tuple[int, str]]:
    line = token.map[0] if token.map else 0
    for child in token.children or []:
        if child.type in {"softbreak", "hardbreak"}:
            line += 1
        is_written = child.type == "link_open" and child.markup not in {
            "autolink",
            "linkify",
        }
        if is_written and child.attrGet("class") != "heading-link":
            yield line, str(child.attrGet("href") or "")


def _replaced(block: str, pattern: re.Pattern[str], changed: dict[str, str]) -> str:
    code = [span.span() for span in _CODE_SPAN.finditer(block)]

    def replace(found: re.Match[str]) -> str:
        raw = found[2].removeprefix("<").removesuffix(">")
        new = changed.get(normalizeLink(unescapeAll(raw)))
        is_code = any(start <= found.start() < end for start, end in code)
        return found[0] if new is None or is_code else found[1] + new

    return pattern.sub(replace, block)
