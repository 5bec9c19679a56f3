"""Private parts of libraries are reached in one file each, listed with a way out.

Private is a module called ``internal`` or with an underscore, and an attribute with
one, also where a text names it or a class inherits it.
``tools/lint/private_parts.toml`` lists what is needed, and what to do when an upgrade
has moved it; what nothing needs any more is a complaint too. A test that reaches
further fails by itself after an upgrade, so tests are not looked at.
"""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import Any

from tools.lint.sources import ROOT, Source, imports, product

PRIVATE = re.compile(r"(?:^|\.)(?:internals?|_[a-z]\w*)(?:\.|$)")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOTTED = re.compile(r"[a-z]\w*(?:\.\w+)+")
OWN = {"self", "cls", "super()", "mcs"}
# They take the name of an attribute as a text.
BY_NAME = {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"}
# What is no module of the product's processes: it is run, or read, by itself.
NOT_IMPORTED = ("platform/embedded/", "platform/demo/", "platform/config/settings/")
# Django and the standard library document these, underscore or not.
DOCUMENTED = {
    *(
        "_meta",
        "_state",
        "_default_manager",
        "_base_manager",
        "_prefetched_objects_cache",
    ),
    *("_asdict", "_replace", "_fields", "_make", "_exit", "_field_defaults"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Names at ``path`` in a library, and our one ``file`` that may use them."""

    path: str
    names: tuple[str, ...]
    file: str
    upgrade: str


def parts() -> list[Part]:
    """Return what is listed, in order."""
    with (ROOT / "tools/lint/private_parts.toml").open("rb") as file:
        listed = tomllib.load(file)["part"]
    return [Part(**{**each, "names": tuple(each["names"])}) for each in listed]


def reaches(file: Source, ours: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield what a file uses of other people's private parts, with the line.

    ``ours`` are the packages that are no library.
    """
    mine = {*ours, "__future__"}
    own = {n.name for n in ast.walk(file.tree) if isinstance(n, FUNCTIONS)}
    for name, line in imports(file.tree):
        if name.partition(".")[0] not in mine and PRIVATE.search(name):
            yield name, line
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Attribute):
            name = node.attr
            is_own = ast.unparse(node.value) in OWN
            if _is_private(name) and not is_own and name not in own:
                yield name, node.lineno
        elif isinstance(node, ast.Call):
            for name in _named_by_text(node):
                if _is_private(name) and name not in own:
                    yield name, node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            is_path = DOTTED.fullmatch(text) and PRIVATE.search(text)
            if is_path and text.partition(".")[0] not in mine:
                yield text, node.lineno


def _is_private(name: str) -> bool:
    """Tell whether a name is private; enumerations document theirs: ``_missing_``."""
    return (
        name.startswith("_")
        and not name.startswith("__")
        and not name.endswith("_")
        and name not in DOCUMENTED
    )


def _named_by_text(call: ast.Call) -> Iterator[str]:
    if ast.unparse(call.func).rpartition(".")[2] in BY_NAME:
        for argument in call.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def inherited(
    tree: ast.Module, module: Mapping[str, Any], ours: Iterable[str]
) -> Iterator[tuple[str, int]]:
    """Yield the private parts that classes have of a library's, with the line.

    They are overridden, or used as if they were their own. ``module`` is what the
    parsed file defines.
    """
    mine = {*ours}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        cls = module.get(node.name)
        if not isinstance(cls, type):
            continue
        theirs: dict[str, Any] = {}
        for base in reversed(cls.__mro__[1:]):
            if base.__module__.partition(".")[0] in mine:
                theirs = {n: v for n, v in theirs.items() if n not in vars(base)}
            else:
                theirs |= vars(base)
        for part in ast.walk(node):
            if isinstance(part, FUNCTIONS) and part in node.body:
                name = part.name
            elif isinstance(part, ast.Attribute) and ast.unparse(part.value) in OWN:
                name = part.attr
            else:
                continue
            has_it = isinstance(
                theirs.get(name), FunctionType | property | classmethod | staticmethod
            )
            if _is_private(name) and has_it:
                yield name, part.lineno


def _inherited_in(file: Source, ours: Iterable[str]) -> Iterator[tuple[str, int]]:
    if file.path.startswith(NOT_IMPORTED):
        return
    name = file.path.removeprefix("platform/").removesuffix(".py")
    module = import_module(name.removesuffix("/__init__").replace("/", "."))
    yield from inherited(file.tree, vars(module), ours)


def complaints(
    files: Sequence[Source] | None = None, listed: Sequence[Part] | None = None
) -> Iterator[str]:
    is_ours = files is None
    files = product() if files is None else files
    listed = parts() if listed is None else listed
    ours = {part for file in files for part in file.path.split("/")[:2]}
    allowed = {(part.file, name): part for part in listed for name in part.names}
    needed: set[Part] = set()
    for file in files:
        found = {*reaches(file, ours), *(_inherited_in(file, ours) if is_ours else ())}
        for name, line in sorted(found, key=lambda reach: reach[1]):
            part = allowed.get((file.path, name.rpartition(".")[2])) or _within(
                name, file.path, listed
            )
            if part is None:
                yield (
                    f"{file.path}:{line}: {name} is private to its library; "
                    "tools/lint/private_parts.toml has one file for each"
                )
            else:
                needed.add(part)
        # A method that takes a private one's place reaches in as well.
        defined = {n.name for n in ast.walk(file.tree) if isinstance(n, FUNCTIONS)}
        needed |= {
            part
            for part in listed
            if part.file == file.path and defined & {*part.names}
        }
    for part in listed:
        if part not in needed:
            yield f"tools/lint/private_parts.toml: {part.file} needs no {part.path}"


def _within(name: str, path: str, listed: Sequence[Part]) -> Part | None:
    """Return the part whose module ``path`` may import as a whole."""
    return next(
        (part for part in listed if part.file == path and part.path == name), None
    )
