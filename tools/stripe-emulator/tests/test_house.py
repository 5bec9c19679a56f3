"""A project of its own: nothing it does not declare, nothing it forgets to bring."""

import ast
import re
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "src" / "stripe_emulator"
DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    ): ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
}


def imports(tree: ast.Module) -> set[str]:
    """Return every module that is imported, for type checking and late ones too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "absolute imports only"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[]", name)[0] for name in requirements}


def test_it_imports_the_standard_library_and_what_it_declares() -> None:
    tops = {
        name.partition(".")[0] for tree in MODULES.values() for name in imports(tree)
    }
    foreign = tops - sys.stdlib_module_names - {"stripe_emulator"}
    distributions = packages_distributions()
    # The fixtures need pytest, and so does everybody who imports them.
    allowed = names_of(DECLARED["dependencies"]) | {"pytest"}

    assert {distributions[name][0].lower() for name in foreign} == allowed


def test_only_the_fixtures_need_pytest() -> None:
    needing = [name for name, tree in MODULES.items() if "pytest" in imports(tree)]

    assert needing == ["stripe_emulator.testing"]


def test_no_import_goes_in_a_circle() -> None:
    waiting = {
        name: (imports(tree) & MODULES.keys()) - {name}
        for name, tree in MODULES.items()
    }
    assert len(waiting) > 50
    # Take away what waits for nothing until nothing is left; a circle never goes.
    while free := {name for name, needed in waiting.items() if not needed}:
        waiting = {
            name: needed - free for name, needed in waiting.items() if name not in free
        }

    assert waiting == {}


def test_nothing_is_imported_late() -> None:
    late = [
        f"{name}:{node.lineno}"
        for name, tree in MODULES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert late == []


def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    build = pytest.importorskip("hatchling.builders.wheel")
    (wheel,) = build.WheelBuilder(str(PROJECT)).build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())

    files = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {
        "stripe_emulator/templates/checkout.html",
        "stripe_emulator/static/style.css",
        "stripe_emulator/py.typed",
    } <= files
    assert files <= held
    assert not [name for name in held if name.startswith("tests")]


def test_it_names_no_project_that_uses_it() -> None:
    for path in [*PACKAGE.rglob("*.*"), PROJECT / "README.md"]:
        if path.suffix in {".py", ".html", ".css", ".md"}:
            assert "doorstone" not in path.read_text().lower(), path
