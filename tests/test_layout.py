"""``platform/`` stays a source root that shadows nothing."""

import sys
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
