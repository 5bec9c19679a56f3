"""A number that a person chose has its reason beside it.

Chosen are the constants of a module or a class, and what is handed to a parameter that
is a limit of some kind. The reason is a comment: on the line, or right above it; one
above says nothing of the constants that follow the next. -1, 0, 1 and 2, statuses of
HTTP and units explain themselves.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from itertools import chain

from tools.lint.sources import Source, product

OBVIOUS = {-1, 0, 1, 2}
UNITS = {"MINUTE", "HOUR", "DAY", "NANO", "MILLION"}
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
# The parameters of ours and of libraries that hold a choice.
CHOICES = re.compile(
    r"(limit|most|rest|timeout|\w+_timeout|\w+_seconds|\w+_interval|ttl|ex|maxsize"
    r"|page_size|batch_size|chunk_size|\w+_per_minute|concurrent_requests|patience)"
)


def complaints(files: Iterable[Source] | None = None) -> Iterator[str]:
    for file in product() if files is None else files:
        explained, above = _commented(file.text)
        for name, node in sorted(_chosen(file.tree), key=lambda each: each[1].lineno):
            last = node.end_lineno or node.lineno
            beside = explained & set(range(node.lineno, last + 1))
            if not beside and node.lineno - 1 not in above:
                yield f"{file.path}:{node.lineno}: nothing says why {name} is so much"


def _commented(text: str) -> tuple[set[int], set[int]]:
    """Return the lines that have a comment, and those that are nothing else."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = [
        token
        for token in tokens
        if token.type == tokenize.COMMENT and not token.string.startswith("# noqa")
    ]
    whole = {token.start[0] for token in found if token.line.lstrip().startswith("#")}
    return {token.start[0] for token in found}, whole


def _chosen(tree: ast.Module) -> Iterator[tuple[str, ast.stmt | ast.expr]]:
    """Yield what was chosen: its name, and the lines a reason may stand at."""
    bodies = [
        tree.body,
        *(n.body for n in ast.walk(tree) if isinstance(n, ast.ClassDef)),
    ]
    for statement in chain.from_iterable(bodies):
        for name, value in _constants(statement):
            if _numbers(value):
                yield name, statement
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            for keyword in call.keywords:
                name = keyword.arg or ""
                if CHOICES.fullmatch(name) and _numbers(keyword.value):
                    yield name, call


def _constants(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Yield the constant a statement defines, if any, with its value."""
    if isinstance(node, ast.Assign):
        name = ast.unparse(node.targets[0]).strip("()").partition(",")[0]
    elif isinstance(node, ast.AnnAssign):
        name = ast.unparse(node.target)
    else:
        return
    if node.value and CONSTANT.fullmatch(name) and name not in UNITS:
        yield name, node.value


def _numbers(value: ast.expr) -> list[float]:
    """Return the numbers a value is made of that do not explain themselves.

    A value that is made of other things, such as a list of menu entries, has none.
    """
    if isinstance(value, ast.Constant):
        number = value.value
        if isinstance(number, bool) or not isinstance(number, int | float):
            return []
        return [] if number in OBVIOUS else [number]
    parts: list[ast.expr] = []
    if isinstance(value, ast.BinOp):
        parts = [value.left, value.right]
    elif isinstance(value, ast.UnaryOp):
        parts = [value.operand]
    elif isinstance(value, ast.IfExp):
        parts = [value.body, value.orelse]
    elif isinstance(value, ast.Tuple):
        parts = value.elts
    elif isinstance(value, ast.Dict):
        parts = value.values
    elif isinstance(value, ast.Call):
        parts = [*value.args, *(keyword.value for keyword in value.keywords)]
    return [number for part in parts for number in _numbers(part)]
