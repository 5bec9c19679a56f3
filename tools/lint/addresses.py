"""An address that is written out leads to a page, and templates write none.

A template names its pages (``{% url %}``). Python writes addresses out where they are
kept (a notice, an index) or belong to another area: their fixed beginning has to be
that of a page, so a page that moves takes them along or is told of them.
"""

import ast
import re
from collections.abc import Collection, Iterable, Iterator

from django.urls import URLPattern, URLResolver, get_resolver, is_valid_path

from tools.lint.sources import ROOT, Source, product

# The home page has no other name, and what scripts are added to lies beside the pages.
WRITTEN_OUT = re.compile(
    r"""\b(?:href|action|formaction|src|hx-[a-z]+)=(["'])(/[a-z_][^"']*)\1"""
)
ADDRESS = re.compile(r"/[a-z_][\w.-]*/[^\s,]*")
# What answers is no page of Django's, or is none of ours.
ELSEWHERE = ("/static/", "/v1/", "/site/oauth2", "/api/show", "/var/", "/proc/")
# Programs beside the product have addresses of their own.
APART = ("platform/embedded/",)


def fixed_beginnings() -> set[str]:
    """Return of every route what comes before its first parameter."""
    return {
        f"/{re.split(r'[<^(]', r)[0]}" for r in _routes(get_resolver().url_patterns)
    }


def _routes(
    patterns: Iterable[URLPattern | URLResolver], before: str = ""
) -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route


def written_out(template: str) -> Iterator[tuple[str, int]]:
    """Yield the addresses a template writes out, with their lines."""
    for number, line in enumerate(template.splitlines(), start=1):
        for _quote, address in WRITTEN_OUT.findall(line):
            yield address, number


def leading_nowhere(
    tree: ast.Module, beginnings: Collection[str]
) -> Iterator[tuple[str, int]]:
    """Yield the addresses that are those of no page, with their lines."""
    for address, is_whole, line in _addresses(tree):
        path = re.split(r"[?#*]", address)[0]
        if path.startswith(ELSEWHERE) or any(b.startswith(path) for b in beginnings):
            continue
        if not (is_valid_path(path) if is_whole else path in beginnings):
            yield address, line


def _addresses(tree: ast.Module) -> Iterator[tuple[str, bool, int]]:
    """Yield what looks like an address: its text up to the first gap, if any."""
    pieces: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            pieces |= {id(value) for value in node.values}
            first = node.values[0] if node.values else None
            if isinstance(first, ast.Constant) and ADDRESS.fullmatch(str(first.value)):
                yield str(first.value), len(node.values) == 1, node.lineno
        elif (
            isinstance(node, ast.Constant)
            and id(node) not in pieces
            and isinstance(node.value, str)
            and ADDRESS.fullmatch(node.value)
        ):
            yield node.value, True, node.lineno


def complaints(files: Iterable[Source] | None = None) -> Iterator[str]:
    beginnings = fixed_beginnings()
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for address, line in written_out(path.read_text()):
            place = path.relative_to(ROOT)
            yield f"{place}:{line}: {address} is written out; {{% url %}} names a page"
    for file in product() if files is None else files:
        if not file.path.startswith(APART):
            for address, line in leading_nowhere(file.tree, beginnings):
                yield f"{file.path}:{line}: {address} leads to no page"
