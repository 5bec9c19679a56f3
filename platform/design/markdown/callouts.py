"""Boxes beside the text: one pair of tokens, however a dialect writes them.

``> [!NOTE]`` of GitHub, ``:::note`` of Docusaurus and VitePress, ``!!! note`` and
``/// note`` of MkDocs, ``{note}`` of MyST and ``<details>`` all become ``callout_open``
and ``callout_close`` with a title between.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.admon.index import admonition
from mdit_py_plugins.container import container_plugin

from design.markdown.effort import spend

# What the dialects call them, and what they are here.
KINDS = {
    **dict.fromkeys(("note", "info", "abstract", "summary", "todo", "seealso"), "note"),
    **dict.fromkeys(("example", "question", "quote", "admonition"), "note"),
    **dict.fromkeys(("tip", "hint", "success", "check"), "tip"),
    **dict.fromkeys(("important", "attention"), "important"),
    **dict.fromkeys(("warning", "warn", "caution"), "warning"),
    **dict.fromkeys(("danger", "error", "failure", "bug"), "danger"),
    "details": "details",
}
TITLES: dict[str, Promise] = {
    "note": _("Note"),
    "tip": _("Tip"),
    "important": _("Important"),
    "warning": _("Warning"),
    "danger": _("Danger"),
    "details": _("Details"),
}
CLASSES = frozenset({"callout", *(f"callout--{kind}" for kind in TITLES)})
TITLE_CLASS = "callout__title"

# ``note``, ``note Title``, ``note[Title]``, ``{note} Title``, ``note | Title``.
_HEAD = re.compile(
    r"\{?(?P<name>[A-Za-z]+)\}?(?:\[(?P<inside>[^\]]*)\])?(?:\{[^}]*\})?"
    r"(?:\s+\|?\s*(?P<after>\S.*))?"
)
_ADMONITION = re.compile(r"(?:!!!|\?\?\?\+?)\s+(\w+)")
_ALERT = re.compile(
    r"\[!(?P<name>[A-Za-z]+)\](?P<fold>[+-]?)[ \t]*(?P<title>[^\n]*)\n?"
)
_DIRECTIVE = re.compile(r"\{(?P<name>[A-Za-z]+)\}[ \t]*(?P<title>.*)")
_OPTION = re.compile(r"(?:[ \t]*:[\w-]+:[^\n]*\n)+")
_DETAILS = re.compile(r"<details(?P<open>\s+open)?\s*>\s*(?P<rest>.*)", re.IGNORECASE)
_SUMMARY = re.compile(r"\s*<summary>(?P<title>.*?)</summary>\s*", re.IGNORECASE)
# A line looked at for the end of a box: about a tenth of a block that is made.
_LOOK = 0.3
_MARKS = re.compile(r"</?(?:b|strong|em|i|code|h[1-6])>", re.IGNORECASE)


def use_callouts(parser: MarkdownIt) -> None:
    """Let ``parser`` know every spelling of a box."""
    for name, marker in (("callout", ":"), ("callout_block", "/")):
        container_plugin(parser, name, marker, validate=_is_known)
    parser.use(admon_plugin)
    alone: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote"]}
    parser.block.ruler.at("admonition", _known_admonition, alone)
    parser.block.ruler.before("fence", "details", _details, alone)
    parser.core.ruler.after("block", "callouts", _unify)


def _is_known(params: str, _markup: str) -> bool:
    found = _HEAD.fullmatch(params.strip())
    return found is not None and found["name"].lower() in KINDS


def _known_admonition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Leave ``!!! Wow`` alone: only a name of a box begins one."""
    found = _ADMONITION.match(state.src, state.bMarks[start] + state.tShift[start])
    if not found or found[1].lower() not in KINDS:
        return False
    return admonition(state, start, end, silent)


def _details(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read ``<details>`` with its summary; what is inside is Markdown."""
    if state.is_code_block(start):
        return False
    found = _DETAILS.match(_line(state, start))
    if not found:
        return False
    title = _SUMMARY.fullmatch(found["rest"])
    last = _closing(state, start, end)
    if last is None or (found["rest"] and not title):
        return False
    if silent:
        return True
    first = start + 1
    if not title and first < last:
        title = _SUMMARY.fullmatch(_line(state, first))
        first += bool(title)
    token = _opening("details", _MARKS.sub("", title["title"]) if title else "")
    token.meta["is_open"] = bool(found["open"])
    token.map = [start, last + 1]
    token.level = state.level
    state.tokens.append(token)
    state.level += 1
    parent, line_max = state.parentType, state.lineMax
    state.parentType, state.lineMax = "callout", last
    state.md.block.tokenize(state, first, last)
    state.parentType, state.lineMax = parent, line_max
    state.push("callout_close", "details", -1)
    state.line = last + 1
    return True


def _line(state: StateBlock, number: int) -> str:
    begin = state.bMarks[number] + state.tShift[number]
    return state.src[begin : state.eMarks[number]].rstrip()


def _closing(state: StateBlock, start: int, end: int) -> int | None:
    depth = 0
    for number in range(start, end):
        spend(state.env, _LOOK)
        line = _line(state, number).lower()
        depth += line.startswith("<details")
        depth -= line.startswith("</details>")
        if not depth:
            return number
    return None


def _opening(name: str, title: str) -> Token:
    kind = KINDS[name]
    token = Token("callout_open", "div", 1, block=True)
    token.meta = {"kind": kind, "title": title.strip().strip("\"'")}
    return token


def _unify(state: StateCore) -> None:
    """Make one pair of tokens of every spelling, with the title after the opening."""
    tokens = list(_without_directives(state, state.tokens))
    closings: list[str] = []
    made: list[Token] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if token.type == "blockquote_open":
            opening = _alert(tokens[position : position + 2])
            if opening is not None:
                opening.map, opening.level = token.map, token.level
                made += _opened(opening, token)
                closings.append("div")
                if not tokens[position + 1].content:
                    position += 3
                continue
            closings.append("")
        elif token.type == "blockquote_close":
            if tag := closings.pop():
                token = _end(token, tag)
        elif token.type.startswith("container_callout"):
            if token.nesting == 1:
                opening = _container(token.info)
                made += _opened(opening, token)
                closings.append(opening.tag)
                continue
            token = _end(token, closings.pop())
        elif token.type == "admonition_open":
            opening = _opening(str(token.meta["tag"]), token.content)
            if token.content == str(token.meta["tag"]).title():
                opening.meta["title"] = ""
            if token.markup.startswith("?"):
                opening.meta["is_folded"] = True
                opening.meta["is_open"] = token.markup.endswith("+")
            made += _opened(opening, token)
            closings.append(opening.tag)
            # Its own title is in the opening.
            if tokens[position].type == "admonition_title_open":
                position += 3
            continue
        elif token.type == "admonition_close":
            token = _end(token, closings.pop())
        elif token.type == "callout_open" and "kind" in token.meta:
            made += _opened(token, token)
            closings.append(token.tag)
            continue
        elif token.type == "callout_close":
            token = _end(token, closings.pop())
        made.append(token)
    state.tokens = made


def _container(params: str) -> Token:
    found = _HEAD.fullmatch(params.strip())
    if found is None:
        raise ValueError(params)
    title = found["inside"] or found["after"] or ""
    return _opening(found["name"].lower(), title)


def _opened(opening: Token, source: Token) -> Iterator[Token]:
    """Yield the opening with its place and class, then its title."""
    kind, title = opening.meta["kind"], opening.meta["title"]
    is_folded = kind == "details" or opening.meta.get("is_folded", False)
    opening.tag = "details" if is_folded else "div"
    opening.attrs = {"class": f"callout callout--{kind}"}
    if is_folded and opening.meta.get("is_open"):
        opening.attrs["open"] = "open"
    opening.map, opening.level = source.map, source.level
    yield opening
    tag = "summary" if is_folded else "p"
    head = Token("callout_title_open", tag, 1, attrs={"class": TITLE_CLASS}, block=True)
    yield head
    if title:
        first = source.map[0] if source.map else 0
        yield Token(
            "inline",
            "",
            0,
            content=title,
            children=[],
            map=[first, first + 1],
            level=source.level + 1,
        )
    else:
        # The kind's name is not the writer's: it is shown and not searched.
        yield Token("callout_label", "", 0, content=str(TITLES[kind]))
    yield Token("callout_title_close", tag, -1, block=True)


def _end(token: Token, tag: str) -> Token:
    token.type, token.tag, token.attrs = "callout_close", tag, {}
    return token


def _alert(following: Sequence[Token]) -> Token | None:
    """Return the opening of GitHub's alert, and take its first line off the text."""
    if len(following) < 2:
        # The text ends in a quote of nothing.
        return None
    paragraph, inline = following
    if paragraph.type != "paragraph_open" or inline.type != "inline":
        return None
    found = _ALERT.match(inline.content)
    if not found or found["name"].lower() not in KINDS:
        return None
    inline.content = inline.content[found.end() :]
    if inline.map and inline.content:
        inline.map = [inline.map[0] + 1, inline.map[1]]
    return _opening(found["name"].lower(), found["title"])


def _without_directives(state: StateCore, tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens, a ``{note}`` in a fence as the box and the Markdown it is."""
    for token in tokens:
        found = _DIRECTIVE.fullmatch(token.info.strip()) if token.info else None
        if token.type != "fence" or not found or found["name"].lower() not in KINDS:
            yield token
            continue
        opening = _opening(found["name"].lower(), found["title"])
        opening.map, opening.level = token.map, token.level
        yield opening
        yield from _parsed(state, token)
        yield Token("callout_close", "div", -1, block=True, level=token.level)


def _parsed(state: StateCore, fence: Token) -> list[Token]:
    inner: list[Token] = []
    text = fence.content
    if text.startswith(":"):
        text = _OPTION.sub("", text, count=1)
    skipped = fence.content.count("\n") - text.count("\n")
    state.md.block.parse(text, state.md, state.env, inner)
    first = (fence.map[0] if fence.map else 0) + 1 + skipped
    for token in inner:
        token.level += fence.level + 1
        if token.map:
            token.map = [line + first for line in token.map]
    return inner


def label(_self: object, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    """Render the name of a box without a title of its own."""
    return tokens[index].content
