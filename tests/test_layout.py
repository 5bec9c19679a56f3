"""``platform/`` stays a source root that shadows nothing; guests live next door."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IGNORED = {"tests", "templates", "docs", "requirements", "tools", "var", "platform"}


def top_level_names() -> set[str]:
    entries = [*ROOT.iterdir(), *(ROOT / "platform").iterdir()]
    return {
        entry.stem
        for entry in entries
        if not entry.name.startswith((".", "_"))
        and entry.name not in IGNORED
        and (entry.is_dir() or entry.suffix == ".py")
    }


def test_platform_is_a_source_root_not_a_package() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert not (ROOT / "platform" / "conftest.py").exists()


def test_the_standard_platform_module_is_the_one_imported() -> None:
    import platform

    assert platform.python_implementation() == "CPython"


def test_our_top_level_names_shadow_no_standard_module() -> None:
    assert top_level_names() & sys.stdlib_module_names == set()


def test_our_top_level_names_shadow_no_installed_distribution() -> None:
    foreign = {
        name
        for name, distributions in packages_distributions().items()
        if "doorstone" not in distributions
    }

    assert top_level_names() & foreign == set()


def imported(path: Path) -> set[str]:
    """Return the top-level names a file imports, for type checking included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names


def test_the_product_imports_nothing_of_the_stripe_emulator() -> None:
    # It starts the emulator as a process and speaks HTTP to it, like anybody.
    sources = ("platform", "community", "inference", "billing")
    files = [path for source in sources for path in (ROOT / source).rglob("*.py")]

    assert len(files) > 300
    assert [path for path in files if "stripe_emulator" in imported(path)] == []


def test_the_stripe_emulator_imports_nothing_of_the_product() -> None:
    source = ROOT / "tools" / "stripe-emulator" / "src" / "stripe_emulator"
    files = list(source.rglob("*.py"))

    found = set[str]().union(*map(imported, files))

    assert len(files) > 50
    assert found & top_level_names() == set()
    assert found & {"django", "tests", "tools"} == set()


def test_what_the_stripe_emulator_needs_is_pinned_for_a_bare_machine() -> None:
    project = tomllib.loads(
        (ROOT / "tools" / "stripe-emulator" / "pyproject.toml").read_text()
    )
    needed = {
        re.split(r"[<>=]", name)[0] for name in project["project"]["dependencies"]
    }
    pins = (ROOT / "requirements" / "embedded.txt").read_text()

    pinned = set(re.findall(r"^([\w.-]+)==", pins, re.MULTILINE))

    assert needed - pinned == set()
    assert "stripe-emulator" not in (ROOT / "requirements" / "base.txt").read_text()
