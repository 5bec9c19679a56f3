"""What an endpoint of the REST API reads from its address is in its description.

Endpoints read ``self.asked``, which holds what ``query`` declares and the description
lists. Two ways lead past that: a name ``query`` does not declare, and the request
itself. Helpers of the same module that an endpoint calls are followed.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from operations.schema import describe
from tools.lint.pages import ROOT

READERS = {"text", "choice", "whole", "day", "flag", "has", "get", "getlist"}
SOURCES = {"self.asked", "request.GET", "request.query_params", "Values(request.GET)"}


def parameters_read(view: type) -> dict[str, int]:
    """Return the names an endpoint reads from its address, with their lines."""
    tree = ast.parse(Path(inspect.getfile(view)).read_text())
    top = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    waiting, seen = [view.__name__], set[str]()
    found: dict[str, int] = {}
    while waiting:
        name = waiting.pop()
        if name in seen or name not in top:
            continue
        seen.add(name)
        node = top[name]
        waiting += [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
        found |= dict(_names_in(node))
    return found


def _names_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    # values = Values(request.GET) makes "values" another name of the address.
    sources = set(SOURCES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in SOURCES:
            sources |= {ast.unparse(target) for target in node.targets}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) in sources:
            yield _text(node.slice), node.lineno
        elif isinstance(node, ast.Compare):
            if any(ast.unparse(side) in sources for side in node.comparators):
                yield _text(node.left), node.lineno
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id == "cursor_of":
                yield "cursor", node.lineno
            elif (
                isinstance(called, ast.Attribute)
                and called.attr in READERS
                and ast.unparse(called.value) in sources
                and node.args
            ):
                yield _text(node.args[0]), node.lineno


def _text(node: ast.expr) -> str:
    """Return a literal name; what is put together cannot be described."""
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def described(operation: dict[str, Any]) -> set[str]:
    """Return the query parameters of one operation of the description."""
    return {
        parameter["name"]
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
    }


def undescribed(view: type, operation: dict[str, Any]) -> dict[str, int]:
    known = described(operation)
    return {
        name: line for name, line in parameters_read(view).items() if name not in known
    }


def endpoints() -> Iterator[tuple[type, dict[str, Any]]]:
    """Yield every endpoint with what the description says of its GET."""
    from drf_spectacular.generators import EndpointEnumerator

    # The description may call a part of an address differently.
    paths = {_shape(path): found for path, found in describe()["paths"].items()}
    seen: set[type] = set()
    enumerator = EndpointEnumerator()
    for path, _regex, _method, callback in enumerator.get_api_endpoints():  # type: ignore[no-untyped-call]
        if callback.cls not in seen:
            seen.add(callback.cls)
            yield callback.cls, paths.get(_shape(path), {}).get("get", {})


def _shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def complaints() -> Iterator[str]:
    for view, operation in endpoints():
        for name, line in undescribed(view, operation).items():
            place = Path(inspect.getfile(view)).relative_to(ROOT)
            yield f"{place}:{line}: {view.__name__} reads {name}, which is undescribed"
