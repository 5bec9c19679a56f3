"""The product's Python files, each parsed once, for the checks that read them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("platform", "community", "inference", "billing")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path from the project's root, its text and what it parses to."""

    path: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The package it belongs to: ``core``, or ``billing.plans`` within an area."""
        parts = Path(self.path).parts
        if parts[0] == "platform":
            return parts[1]
        return ".".join(parts[: min(2, len(parts) - 1)])


def source(path: str, text: str) -> Source:
    """Parse ``text`` as the file at ``path``."""
    return Source(path, text, ast.parse(text))


@cache
def product() -> tuple[Source, ...]:
    """Return every file of the product but migrations."""
    return tuple(
        source(path.relative_to(ROOT).as_posix(), path.read_text())
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    )


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each module and each name imported, dotted, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                (f"{node.module}.{alias.name}", node.lineno) for alias in node.names
            )
