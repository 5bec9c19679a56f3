import logging
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.text import slugify
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from design.markdown import callouts
from design.markdown.cjk import use_cjk
from design.markdown.dialects import read_info, use_dialects
from design.markdown.effort import (
    Effort,
    TooMuchEffort,
    link_bare_addresses,
    spend_on_address,
)
from design.markdown.formulas import Formulas
from design.markdown.highlighting import MAX_SECONDS, Highlighter
from design.markdown.mentions import People, link_mentions
from design.markdown.plain import inline_text, plain
from design.markdown.sanitising import TextOrigin, clean, clean_inline

logger = logging.getLogger(__name__)

# Rises when the same source renders differently: stored HTML is then made again.
VERSION = 5
# A post has 40 000 characters at most. Release notes of ten years are one page of
# 700 000, and are laid out once, by a command.
MAX_LENGTH = {TextOrigin.PEOPLE: 64_000, TextOrigin.HOUSE: 2_000_000}
# Overrides of writing direction can make text read as something it is not.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Ids of the pages our own documentation stands in; its headings leave them alone.
RESERVED_IDS = frozenset(
    {
        "content",
        "docs-search",
        "helpful",
        "main",
        "navigation",
        "outline-title",
        "search-here",
        "search-main",
        "search-small",
        "shortcuts",
        "shortcuts-title",
        "true",
    }
)
# People's texts are laid out while a person waits, pages by a command.
_SECONDS_OF_COLOUR = {TextOrigin.PEOPLE: MAX_SECONDS, TextOrigin.HOUSE: 5.0}
_TASK = re.compile(r"\[([ xX])\][ \t]+")


@dataclass(frozen=True, slots=True)
class Heading:
    """One line of a page's outline."""

    level: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a Markdown source becomes: safe HTML, bare text and the outline."""

    html: str
    plain: str
    outline: tuple[Heading, ...]
    version: int = VERSION


def parse(text: str, env: dict[str, Any]) -> list[Token]:
    """Return the tokens of a text; ``env`` takes what the parser finds beside them."""
    return _parser.parse(text, env)


def render(
    text: str,
    *,
    id_prefix: str = "",
    top_level: int = 2,
    people: People | None = None,
    origin: TextOrigin = TextOrigin.PEOPLE,
) -> Rendered:
    """Return ``text`` as safe HTML.

    Ids begin with ``id_prefix``, so that two posts of one page do not collide.
    ``people`` looks names up: with it ``@ada`` is a link, if there is an ada.
    ``origin`` says whose words these are: what people write is bounded in the work it
    makes, and needs an ``id_prefix`` to have ids at all.
    ``#`` becomes a heading of ``top_level``: a page already has its ``h1``.
    Text that is too long, too intricate or that breaks a rule is shown as it was
    typed, and says so.
    """
    text = _BIDI.sub("", text.replace("\x00", "\ufffd"))
    if len(text) > MAX_LENGTH[origin]:
        return _as_typed(text)
    env: dict[str, Any] = {
        "docId": id_prefix or None,
        "id_prefix": f"{id_prefix}-" if id_prefix else "",
        "has_ids": bool(id_prefix) or origin is TextOrigin.HOUSE,
        "top_level": top_level,
        "outline": [],
        "people": people,
        "formulas": Formulas(),
        "highlighter": Highlighter(_SECONDS_OF_COLOUR[origin]),
        "effort": Effort(text) if origin is TextOrigin.PEOPLE else None,
    }
    try:
        tokens = _parser.parse(text, env)
        html = _parser.renderer.render(tokens, _parser.options, env)
        if not env["formulas"].is_complete:
            html += _remark(_("Some formulas are shown as typed: there are too many."))
        html = clean(html, origin=origin, id_prefix=env["id_prefix"])
        return Rendered(html, plain(tokens), tuple(env["outline"]))
    except TooMuchEffort:
        return _as_typed(text)
    except Exception:
        # One odd post must never take its whole page down.
        logger.exception("markdown.failed", extra={"length": len(text)})
        return _as_typed(text)


def render_inline(text: str) -> str:
    """Return one line of Markdown as safe HTML without a block around it."""
    line = _BIDI.sub("", " ".join(text[:2_000].split()))
    env = {"formulas": Formulas(), "effort": Effort(line)}
    try:
        return clean_inline(_parser.renderInline(line, env))
    except TooMuchEffort:
        return escape(line)


def _as_typed(text: str) -> Rendered:
    note = _remark(_("Shown as typed: it is too long or too intricate to lay out."))
    return Rendered(f"{note}<pre>{escape(text)}</pre>", text, ())


def _remark(sentence: str) -> str:
    return f"<p><em>{escape(sentence)}</em></p>\n"


def _number_headings(state: StateCore) -> None:
    """Shift the levels, give each heading an id and note it in the outline."""
    used: set[str] = set()
    shift = state.env.get("top_level", 1) - 1
    for index, token in enumerate(state.tokens):
        if token.type not in {"heading_open", "heading_close"}:
            continue
        level = min(6, int(token.tag[1]) + shift)
        token.tag = f"h{level}"
        if token.type == "heading_close":
            continue
        inline = state.tokens[index + 1]
        words = inline_text(inline.children or []).strip()
        slug = slugify(unicodedata.normalize("NFKC", words), allow_unicode=True)
        # An id the writer asked for stays as it is: other pages link to it.
        slug = str(token.meta.get("id", slug))[:60].strip("-") or "section"
        if not state.env.get("id_prefix") and slug in RESERVED_IDS:
            slug = f"{slug}-section"
        if slug in used:
            slug = next(name for name in _numbered(slug) if name not in used)
        used.add(slug)
        anchor = f"{state.env.get('id_prefix', '')}{slug}"
        if not state.env.get("has_ids"):
            continue
        token.attrSet("id", anchor)
        state.env["outline"].append(Heading(level, anchor, words))
        inline.children = [*(inline.children or []), *_heading_link(anchor, words)]


def _numbered(slug: str) -> Iterator[str]:
    return (f"{slug}-{number}" for number in count(2))


def _heading_link(anchor: str, words: str) -> list[Token]:
    opening = Token("link_open", "a", 1)
    opening.attrs = {
        "class": "heading-link",
        "href": f"#{anchor}",
        "aria-label": _("Link to “%(heading)s”") % {"heading": words},
    }
    sign = Token("heading_sign", "", 0)
    return [opening, sign, Token("link_close", "a", -1)]


def _mark_tasks(state: StateCore) -> None:
    """Turn ``- [x] done`` into a checkbox that cannot be changed."""
    for index in range(2, len(state.tokens)):
        token = state.tokens[index]
        item = state.tokens[index - 2]
        if (
            token.type != "inline"
            or item.type != "list_item_open"
            or not token.children
        ):
            continue
        first = token.children[0]
        found = _TASK.match(first.content) if first.type == "text" else None
        if not found:
            continue
        item.attrSet("class", "task")
        first.content = first.content[found.end() :]
        box = Token("task_box", "input", 0)
        box.meta = {"checked": found[1] != " "}
        ending = Token("task_end", "label", -1)
        token.children = [box, *token.children, ending]


def _align_cells(state: StateCore) -> None:
    """Say with a class what the parser says with a style the policy forbids."""
    for token in state.tokens:
        if token.type not in {"th_open", "td_open"}:
            continue
        if token.attrs.pop("style", "") == "text-align:right":
            token.attrSet("class", "num")


def mentioned(text: str, people: People) -> tuple[str, ...]:
    """Return the usernames ``text`` calls, each once, in order."""
    env = {"outline": [], "top_level": 2, "people": people}
    tokens = _parser.parse(text[: MAX_LENGTH[TextOrigin.PEOPLE]], env)
    names = (
        child.meta["username"]
        for token in tokens
        for child in token.children or []
        if "username" in child.meta
    )
    return tuple(dict.fromkeys(names))


def _render_code(
    _self: object, tokens: Sequence[Token], index: int, _options: object, env: Any
) -> str:
    token = tokens[index]
    info = read_info(token.info)
    code = env["highlighter"].highlight(token.content, info.language, info.marked)
    # A wide block scrolls by itself, so a keyboard has to reach it.
    block = (
        f'<pre tabindex="0" data-language="{escape(info.language)}"><code>'
        f"{code}</code></pre>\n"
    )
    if not info.title:
        return block
    return f'<p class="code-title">{escape(info.title)}</p>\n{block}'


def _weigh_addresses(state: StateCore) -> None:
    """Count addresses as work, and note which pictures stand in a link."""
    for token in state.tokens:
        depth = 0
        for child in token.children or []:
            if child.type in {"link_open", "link_close"}:
                depth += child.nesting
            child.meta["is_linked"] = depth > 0
            address = child.attrGet("href") or child.attrGet("src")
            if address:
                spend_on_address(state.env, str(address))


def _render_image(
    self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    """Show pictures this site serves; another's becomes a word and a link to it.

    A stranger's picture would tell its owner who reads, also from a feed; an address
    of ours that is no file would be visited by everybody who looks.
    """
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    alt = escape(self.renderInlineAsText(token.children or [], options, env))
    if _is_our_file(source):
        return f'<img src="{escape(source)}" alt="{alt}">'
    words = escape(_("Picture: %(name)s")) % {"name": alt or escape(source)}
    if token.meta.get("is_linked"):
        return words
    return f'<a href="{escape(source)}">{words}</a>'


def _is_our_file(address: str) -> bool:
    try:
        parts = urlsplit(address.removeprefix(settings.SITE_URL))
    except ValueError:
        return False
    if parts.scheme or parts.netloc or "\\" in unquote(parts.path):
        return False
    # Where a browser would go: it takes dots out of the path, encoded ones too.
    return posixpath.normpath(unquote(parts.path)).startswith(settings.STATIC_URL)


def _render_task(
    _self: object, tokens: Sequence[Token], index: int, _options: object, _env: object
) -> str:
    checked = " checked" if tokens[index].meta["checked"] else ""
    return f'<label><input type="checkbox" disabled{checked}> '


def _build_parser() -> MarkdownIt:
    parser = MarkdownIt(
        "js-default",
        {"html": False, "linkify": True, "breaks": False, "maxNesting": 20},
    )
    use_cjk(parser)
    parser.use(footnote_plugin)
    parser.inline.ruler.at("linkify", link_bare_addresses)
    callouts.use_callouts(parser)
    use_dialects(parser)
    parser.use(
        dollarmath_plugin,
        allow_labels=False,
        allow_space=False,
        allow_digits=False,
        double_inline=False,
    )
    parser.core.ruler.push("addresses", _weigh_addresses)
    parser.core.ruler.push("mentions", link_mentions)
    parser.core.ruler.push("cells", _align_cells)
    parser.core.ruler.push("tasks", _mark_tasks)
    parser.core.ruler.push("headings", _number_headings)
    parser.add_render_rule("fence", _render_code)
    parser.add_render_rule("code_block", _render_code)
    parser.add_render_rule("image", _render_image)
    parser.add_render_rule("callout_label", callouts.label)
    parser.add_render_rule("task_box", _render_task)
    parser.add_render_rule("task_end", lambda *_arguments: "</label>")
    parser.add_render_rule("heading_sign", lambda *_arguments: "#")
    parser.add_render_rule("math_inline", _render_inline_formula)
    parser.add_render_rule("math_block", _render_block_formula)
    return parser


def _render_inline_formula(
    _self: object, tokens: Sequence[Token], index: int, _options: object, env: Any
) -> str:
    return str(env["formulas"].render(tokens[index].content, is_block=False))


def _render_block_formula(
    _self: object, tokens: Sequence[Token], index: int, _options: object, env: Any
) -> str:
    formula = env["formulas"].render(tokens[index].content, is_block=True)
    return f'<div class="math-block">{formula}</div>\n'


_parser = _build_parser()
