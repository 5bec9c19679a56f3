"""Pages that templates and menus name exist, and so do classes and inputs.

``{% url … as x %}`` says nothing when no page has the name: the link just is not there.
A class without a rule and an input that nobody reads are silent, too.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from django.core.checks import run_checks
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
STYLESHEETS = ROOT / "platform/design/static/design/css"
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


# The filter works on what was translated; no sentence is that of a filtered value.
FILTERED = re.compile(r"\{%\s*trans(?:late)?\s+[\w.]+\|")


def filtered_sentences(template: str) -> list[int]:
    """Return the lines that translate what a filter would make of a value."""
    return [
        number
        for number, line in enumerate(template.splitlines(), start=1)
        if FILTERED.search(line)
    ]


CLASSES = re.compile(r'\bclass="([^"]*)"')
TAG = re.compile(r"\{[%{].*?[%}]\}", re.DOTALL)
# They give no look: tests find an element by them.
MARKS = {
    "turn--assistant",  # An answer in the playground.
    "upgrade",  # An offer, all of which come through one door.
}


def styled_names(stylesheet: str) -> set[str]:
    """Return the classes a stylesheet knows, and the blocks that have parts there."""
    names = set(re.findall(r"\.([A-Za-z][\w-]*)", stylesheet))
    return names | {name.rpartition(mark)[0] for mark in ("--", "__") for name in names}


def unstyled_classes(template: str, known: Collection[str]) -> list[str]:
    """Return classes that no stylesheet knows, but for those that are put together."""
    written = " ".join(CLASSES.findall(TAG.sub("{}", template))).split()
    return [name for name in written if "{}" not in name and name not in known]


INCLUDED = re.compile(
    r"""\{%\s*include\s+"([^"]+)"(?:\s+with\s+(.*?))?(?:\s+only)?\s*%\}""", re.DOTALL
)
QUOTED = re.compile(r""""[^"]*"|'[^']*'""")


def unasked_inputs(template: str, templates: Path) -> Iterator[tuple[str, str]]:
    """Yield what is given to an included template whose first comment lacks the name.

    Django passes it on in silence, and the page looks as if it were not there.
    """
    for path, given in INCLUDED.findall(template):
        included = templates / path
        # Some are the sign-in library's own.
        if not included.exists():
            continue
        comments = " ".join(re.findall(r"\{#.*?#\}", included.read_text()))
        asked = set(re.findall(r"\w+", comments))
        names = re.findall(r"(\w+)=", QUOTED.sub("", given))
        yield from ((path, name) for name in names if name not in asked)


def unknown_names(template: str, known: Collection[str]) -> list[str]:
    return [name for name in NAMED.findall(template) if name not in known]


def complaints() -> Iterator[str]:
    known = {*page_names(get_resolver().url_patterns), *OPTIONAL}
    sheets = "\n".join(path.read_text() for path in STYLESHEETS.rglob("*.css"))
    styled = styled_names(sheets) | MARKS
    for path in sorted(TEMPLATES.rglob("*.*")):
        text, place = path.read_text(), path.relative_to(ROOT)
        for name in unstyled_classes(text, styled):
            yield f"{place}: no stylesheet knows the class {name}"
        for name in unknown_names(text, known):
            yield f"{place}: no page is called {name}"
        for included, name in unasked_inputs(text, TEMPLATES):
            yield f"{place}: {included} asks for no {name}"
        for line in filtered_sentences(text):
            yield f"{place}:{line}: a filter works after {{% translate %}}, not before"
        for line in added_queries(text):
            yield f"{place}:{line}: an address put together; {{% query %}} encodes it"
    yield from (str(message.msg) for message in run_checks(tags=["menus"]))
