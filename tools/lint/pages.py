"""Pages that templates and menus name exist.

``{% url … as x %}`` says nothing when no page has the name: the link just is not there.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from django.core.checks import run_checks
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]
# There only where somebody outside can be asked to vouch for people.
OPTIONAL = {"socialaccount_connections"}
NAMED = re.compile(r"""\{%\s*(?:url|way_in)\s+["']([\w:.-]+)["']""")


def page_names(
    patterns: Iterable[URLPattern | URLResolver], space: str = ""
) -> Iterator[str]:
    """Yield the names of all pages, with their namespaces."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from page_names(pattern.url_patterns, inner)
        elif pattern.name:
            yield f"{space}{pattern.name}"


# {% query %} encodes what it puts into an address; this does not.
ADDED = re.compile(r"""\|add:(["'])[?&]""")


def added_queries(template: str) -> list[int]:
    """Return the lines that put a query together by hand."""
    return [
        number
        for number, line in enumerate(template.splitlines(), start=1)
        if ADDED.search(line)
    ]


def unknown_names(template: str, known: Collection[str]) -> list[str]:
    return [name for name in NAMED.findall(template) if name not in known]


def complaints() -> Iterator[str]:
    known = {*page_names(get_resolver().url_patterns), *OPTIONAL}
    for path in sorted((ROOT / "templates").rglob("*.*")):
        text, place = path.read_text(), path.relative_to(ROOT)
        for name in unknown_names(text, known):
            yield f"{place}: no page is called {name}"
        for line in added_queries(text):
            yield f"{place}:{line}: an address put together; {{% query %}} encodes it"
    yield from (str(message.msg) for message in run_checks(tags=["menus"]))
