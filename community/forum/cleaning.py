"""Taking out of a text what no reader sees and no feed can carry."""

import re

from core.names import is_seen, on_one_line

# XML, and so a feed, has no way to write these; PostgreSQL refuses the first.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def clean_text(text: str) -> str:
    """Return a text without control characters, its lines ended one way."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def clean_title(title: str) -> str:
    """Return a title on one line, without characters that nobody sees."""
    return on_one_line(clean_text(title))


def count_visible(text: str) -> int:
    """Return how many characters of a text leave a mark on the page."""
    return sum(map(is_seen, text))
