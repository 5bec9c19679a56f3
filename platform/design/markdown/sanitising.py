"""The second wall: of what the parser lets through only this list remains."""

import re
from enum import Enum
from functools import partial

import nh3

from design.markdown.callouts import CLASSES as CALLOUTS
from design.markdown.callouts import TITLE_CLASS as CALLOUT_TITLE
from design.markdown.formulas import ELEMENTS
from design.markdown.highlighting import CLASSES


class TextOrigin(Enum):
    """Whose words a text is."""

    PEOPLE = "people"
    HOUSE = "house"


_TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "input",
        "kbd",
        "label",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "section",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "br",
        "code",
        "del",
        "em",
        "i",
        "kbd",
        "s",
        "span",
        "strong",
        "sub",
        "sup",
    ]
)
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"lang"},
    "a": {"href", "title", "id", "aria-label"},
    "img": {"src", "alt", "title", "width", "height"},
    "li": {"id"},
    "ol": {"start"},
    "pre": {"data-language"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
    **{tag: set(names) for tag, names in ELEMENTS.items() if names},
}
_VALUES = {
    "input": {
        "type": {"checkbox"},
        "disabled": {"", "disabled"},
        "checked": {"", "checked"},
    },
    "details": {"open": {"", "open"}},
    "pre": {"tabindex": {"0"}},
    "th": {"scope": {"col"}},
}
_FOOTNOTE = {
    "footnote-ref",
    "footnote-backref",
    "footnotes",
    "footnotes-list",
    "footnote-item",
}
_CLASSES: dict[str, set[str]] = {
    "a": {"heading-link", "mention", "footnote-backref"},
    "code": {"math"},
    "details": set(CALLOUTS),
    "div": {"math-block"} | CALLOUTS,
    "li": {"task"} | _FOOTNOTE,
    "ol": _FOOTNOTE,
    "p": {CALLOUT_TITLE, "code-title"},
    "section": _FOOTNOTE,
    "span": set(CLASSES),
    "summary": {CALLOUT_TITLE},
    "sup": _FOOTNOTE,
    "td": {"num"},
    "th": {"num"},
}
_SCHEMES = {"http", "https", "mailto"}
# Links written by people carry no weight for search engines.
_REL = {TextOrigin.PEOPLE: "nofollow ugc noopener", TextOrigin.HOUSE: "noopener"}
_FOOTNOTE_ID = re.compile(r"fn(?:ref)?-?")


def _attribute(
    tag: str, name: str, value: str, *, origin: TextOrigin, id_prefix: str
) -> str | None:
    """Return an attribute's value; ids of people stay within their own text."""
    if name != "id":
        return value
    if origin is TextOrigin.HOUSE:
        return value
    rest = _FOOTNOTE_ID.sub("", value, count=1)
    is_within = bool(id_prefix) and rest.startswith(id_prefix)
    return value if is_within else None


def _cleaner(origin: TextOrigin, id_prefix: str) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TAGS | set(ELEMENTS),
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=partial(_attribute, origin=origin, id_prefix=id_prefix),
        tag_attribute_values=_VALUES,
        allowed_classes=_CLASSES,
        url_schemes=_SCHEMES,
        link_rel=_REL[origin],
    )


_lines = nh3.Cleaner(
    tags=set(_INLINE),
    clean_content_tags={"script", "style"},
    attributes={"a": {"href", "title"}},
    url_schemes=_SCHEMES,
    link_rel=_REL[TextOrigin.PEOPLE],
)


def clean(html: str, *, origin: TextOrigin, id_prefix: str = "") -> str:
    """Return only what the allow-list knows; ids of people begin with ``id_prefix``."""
    return _cleaner(origin, id_prefix).clean(html)


def clean_inline(html: str) -> str:
    """Return only text-level elements."""
    return _lines.clean(html)
