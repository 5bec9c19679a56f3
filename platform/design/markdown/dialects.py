"""What other dialects add: ids of headings, comments, a few tags, titles of code."""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

from design.markdown.effort import spend

# Tags people know from GitHub; they carry nothing, and the allow-list has them.
TAGS = ("br", "kbd", "sub", "sup")
_TAG = re.compile(rf"<(/?)({'|'.join(TAGS)})\s*/?>", re.IGNORECASE)
_COMMENTS = (("<!--", "-->"), ("{/*", "*/}"))
# ``{#install}``, ``{ #install .class }``, ``{: #install }``, ``{/* #install */}``.
_HEADING_ID = re.compile(
    r"(?:\{:?[ \t]*(?:[^{}#]*[ \t])?#(?P<id>[\w.:-]+)[^{}]*\}"
    r"|\{/\*[ \t]*#(?P<mdx>[\w.:-]+)[ \t]*\*/\})$"
)
_HEADING_CLASS = re.compile(r"\{:?[ \t]*\.[\w-][^{}]*\}$")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that stands by itself, on the lines from ``start`` to before ``end``.

    Lines count from 0; ``text`` is what is between its signs, as it is written.
    """

    start: int
    end: int
    text: str


def use_dialects(parser: MarkdownIt) -> None:
    """Let ``parser`` know comments, the few tags and ids of headings."""
    alt: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("fence", "comment", _skip_comment, alt)
    parser.inline.ruler.before("html_inline", "comment", _skip_inline_comment)
    parser.inline.ruler.before("html_inline", "small_tag", _small_tag)
    # An opening brace ends a run of text: comments of MDX begin with one.
    parser.inline.add_terminator_char("{")
    parser.core.ruler.after("block", "heading_ids", _take_heading_ids)


def _skip_comment(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    begin = state.bMarks[start] + state.tShift[start]
    for opening, closing in _COMMENTS:
        if not state.src.startswith(opening, begin):
            continue
        limit = state.eMarks[end - 1]
        found = state.src.find(closing, begin + len(opening), limit)
        if found < 0:
            return False
        found += len(closing)
        last = next(n for n in range(start, end) if state.eMarks[n] >= found)
        # What follows on the line is text, and the comment part of its paragraph.
        if state.src[found : state.eMarks[last]].strip():
            return False
        if not silent:
            said = state.src[begin + len(opening) : found - len(closing)]
            if not state.level:
                comments = state.env.setdefault("comments", [])
                comments.append(Comment(start, last + 1, said))
            state.line = last + 1
        return True
    return False


def _skip_inline_comment(state: StateInline, silent: bool) -> bool:
    for opening, closing in _COMMENTS:
        if not state.src.startswith(opening, state.pos):
            continue
        # Each that is never closed is looked for to the end.
        spend(state.env, 1)
        found = state.src.find(closing, state.pos + len(opening), state.posMax)
        if found < 0:
            return False
        state.pos = found + len(closing)
        return True
    return False


def _small_tag(state: StateInline, silent: bool) -> bool:
    found = _TAG.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        token = state.push("html_inline", "", 0)
        token.content = f"<{found[1]}{found[2].lower()}>"
    state.pos = found.end()
    return True


def _take_heading_ids(state: StateCore) -> None:
    """Take ``{#install}`` off a heading and keep it as the id that was asked for."""
    for index, token in enumerate(state.tokens):
        if token.type != "heading_open":
            continue
        inline = state.tokens[index + 1]
        found = _HEADING_ID.search(inline.content)
        if found:
            token.meta["id"] = found["id"] or found["mdx"]
        else:
            found = _HEADING_CLASS.search(inline.content)
        if found:
            inline.content = inline.content[: found.start()].rstrip()


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What stands behind the fence: language, title, lines to mark (from 1)."""

    language: str = ""
    title: str = ""
    marked: frozenset[int] = frozenset()


_TITLE = re.compile(
    r"(?:title|filename|caption|file)\s*[=:]\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s}]+))"
)
_MARKED = re.compile(
    r"(?:(?:hl_lines|highlight)\s*=\s*[\"']?|(?<![\w=])\{)([\d,\s-]+)[\"}]?"
)
_BRACKET_TITLE = re.compile(r"\[([^\]]+)\]")
# More than a page of code has.
_MOST_LINES = 10_000


def read_info(info: str) -> CodeInfo:
    """Read what stands behind a fence, as MkDocs, Docusaurus and pandoc write it."""
    info = info.strip()
    head, _space, rest = info.partition(" ")
    if head.startswith("{"):
        # ``{.python title="x"}`` of pandoc, ``{code-block} python`` of MyST.
        words = re.findall(r"\.([\w+#-]+)", info.partition("}")[0])
        named = info.partition("}")[2].split()
        language = words[0] if words else (named[0] if named else "")
        rest = info
    else:
        language, brace, inside = head.partition("{")
        rest = f"{brace}{inside} {rest}"
    titled = _TITLE.search(rest) or _BRACKET_TITLE.search(rest)
    title = next(filter(None, titled.groups()), "") if titled else ""
    # A title may hold numbers in braces.
    marks = _MARKED.search(_TITLE.sub("", rest))
    return CodeInfo(
        language.lower().strip(".:"),
        title,
        _lines_of(marks[1]) if marks else frozenset(),
    )


def _lines_of(ranges: str) -> frozenset[int]:
    lines: set[int] = set()
    for first, last in re.findall(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?", ranges):
        end = min(int(last or first), _MOST_LINES)
        lines.update(range(int(first), end + 1))
    return frozenset(lines)
