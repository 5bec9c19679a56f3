"""The one way from Markdown to HTML: parse, then clean by an allow-list."""

from design.markdown.rendering import (
    VERSION,
    Heading,
    Rendered,
    mentioned,
    render,
    render_inline,
)
from design.markdown.sanitising import Origin

__all__ = [
    "VERSION",
    "Heading",
    "Origin",
    "Rendered",
    "mentioned",
    "render",
    "render_inline",
]
