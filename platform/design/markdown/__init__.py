"""The one way from Markdown to HTML: parse, then clean by an allow-list."""

from design.markdown.dialects import Comment
from design.markdown.document import Link, Section, ids, links, sections, with_addresses
from design.markdown.rendering import (
    VERSION,
    Heading,
    Rendered,
    mentioned,
    render,
    render_inline,
)
from design.markdown.sanitising import TextOrigin

__all__ = [
    "VERSION",
    "Comment",
    "Heading",
    "Link",
    "Rendered",
    "Section",
    "TextOrigin",
    "ids",
    "links",
    "mentioned",
    "render",
    "render_inline",
    "sections",
    "with_addresses",
]
