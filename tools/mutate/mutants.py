"""Which mutants there are, and which of them are drawn."""

import random
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from parso.python.tree import Function
from parso.tree import NodeOrLeaf

from tools.mutate.operators import operators

ROOT = Path(__file__).resolve().parents[2]
PLACES = Path(__file__).parent / "places.toml"


@dataclass(frozen=True)
class Place:
    name: str
    why: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    take: int


@dataclass(frozen=True, order=True)
class Mutant:
    """One small change of one module; ``line`` counts from 1."""

    module: str
    line: int
    operator: str
    occurrence: int
    function: str

    def code(self, source: str) -> str:
        """Return the module with the change in it."""
        changed = mutate_code(source, operators()[self.operator], self.occurrence)
        if changed is None:
            raise ValueError(f"{self} is none of this source.")
        return str(changed)

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.function} {self.operator}"


def places() -> list[Place]:
    """Return the places. Raises ``ValueError`` for a path that is not there."""
    found = []
    for name, fields in tomllib.loads(PLACES.read_text()).items():
        for path in (*fields["modules"], *fields["tests"]):
            if not (ROOT / path).exists():
                raise ValueError(f"{PLACES.name}: {name}: there is no {path}.")
        found.append(
            Place(
                name,
                fields["why"],
                tuple(fields["modules"]),
                tuple(fields["tests"]),
                fields["take"],
            )
        )
    return found


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Return every mutant of the functions of a module, in the order of its lines."""
    tree = get_ast(source)
    nodes = list(ast_nodes(tree))
    return sorted(
        Mutant(module, line, name, occurrence, function)
        for name, operator in operators().items()
        for occurrence, (node, line) in enumerate(
            (node, start[0])
            for node in nodes
            for start, _ in operator.mutation_positions(node)
        )
        if (function := _function(node))
    )


def _function(node: NodeOrLeaf) -> str:
    """Return the function a node is part of; "" for what only shapes a module.

    Annotations say nothing while the product runs, and a default is a constant.
    """
    if node.type == "decorator" and "@overload" in node.get_code():
        return ""
    if node.type == "decorator":
        decorated = node.parent and node.parent.children[-1]
        return decorated.name.value if isinstance(decorated, Function) else ""
    inner: NodeOrLeaf | None = node
    while inner is not None:
        if inner.type in {"annassign", "tfpdef", "parameters", "decorator"}:
            return ""
        parent = inner.parent
        if isinstance(parent, Function):
            return str(parent.name.value) if inner is parent.children[-1] else ""
        inner = parent
    return ""


def draw(place: Place, seed: int) -> list[Mutant]:
    """Return ``place.take`` mutants: some of every module, one of a line."""
    chance = random.Random(f"{seed} {place.name}")  # noqa: S311
    waiting = {
        module: chance.sample(found, len(found))
        for module in place.modules
        if (found := mutants_of(module, (ROOT / module).read_text()))
    }
    return sorted(_in_turn(waiting, place.take))


def _in_turn(waiting: dict[str, list[Mutant]], take: int) -> Iterator[Mutant]:
    lines: dict[str, set[int]] = defaultdict(set)
    taken = 0
    while taken < take and any(waiting.values()):
        for module, left in waiting.items():
            while left and left[-1].line in lines[module]:
                left.pop()
            if left and taken < take:
                mutant = left.pop()
                lines[module].add(mutant.line)
                taken += 1
                yield mutant
