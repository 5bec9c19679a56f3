"""The one way from Markdown to HTML: parse, then clean by an allow-list."""

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
    "Heading",
    "Rendered",
    "TextOrigin",
    "mentioned",
    "render",
    "render_inline",
]
