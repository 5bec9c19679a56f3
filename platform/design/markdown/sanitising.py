"""The second wall: whatever the parser lets through, only this list leaves."""

import nh3

from design.markdown.highlighting import CLASSES

_MATH = frozenset(
    [
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "ms",
        "mtext",
        "mspace",
        "msup",
        "msub",
        "msubsup",
        "mfrac",
        "msqrt",
        "mroot",
        "mover",
        "munder",
        "munderover",
        "mtable",
        "mtr",
        "mtd",
        "mstyle",
        "mpadded",
        "mphantom",
        "mmultiscripts",
        "mprescripts",
        "none",
        "menclose",
    ]
)
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
    "math": {"display", "alttext"},
    "mo": {
        "stretchy",
        "fence",
        "form",
        "separator",
        "movablelimits",
        "lspace",
        "rspace",
    },
    "mi": {"mathvariant"},
    "mfrac": {"linethickness"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"columnalign", "rowspacing", "columnspacing"},
    "mover": {"accent"},
    "menclose": {"notation"},
}
_VALUES = {
    "input": {
        "type": {"checkbox"},
        "disabled": {"", "disabled"},
        "checked": {"", "checked"},
    },
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
    "div": {"math-block"},
    "li": {"task"} | _FOOTNOTE,
    "ol": _FOOTNOTE,
    "section": _FOOTNOTE,
    "span": set(CLASSES),
    "sup": _FOOTNOTE,
    "td": {"num"},
    "th": {"num"},
}
_SCHEMES = {"http", "https", "mailto"}
# Links written by people carry no weight for search engines.
_REL = "nofollow ugc noopener"

_blocks = nh3.Cleaner(
    tags=_TAGS | _MATH,
    clean_content_tags={"script", "style"},
    attributes=_ATTRIBUTES,
    tag_attribute_values=_VALUES,
    allowed_classes=_CLASSES,
    url_schemes=_SCHEMES,
    link_rel=_REL,
)
_lines = nh3.Cleaner(
    tags=_INLINE,
    clean_content_tags={"script", "style"},
    attributes={"a": {"href", "title"}},
    allowed_classes={"a": {"mention"}},
    url_schemes=_SCHEMES,
    link_rel=_REL,
)


def clean(html: str) -> str:
    """Return only what the allow-list knows."""
    return _blocks.clean(html)


def clean_inline(html: str) -> str:
    """Return only text-level elements."""
    return _lines.clean(html)
