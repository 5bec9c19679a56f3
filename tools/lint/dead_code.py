"""Code of the product that nothing calls, or only tests do.

vulture finds names that are written once and read nowhere. Templates and dotted
paths in strings (settings, queues) count as readers; tests do not, for what only
tests call is as dead. ``tools/lint/alive.toml`` names what a library calls, and why.
"""

import ast
import fnmatch
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vulture import Vulture
from vulture.core import Item

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("manage.py", "platform", "community", "inference", "billing", "tools")
# Migrations run once, by name; the emulator is a program with checks of its own.
LEFT_OUT = ("*/migrations/*", "*/embedded/stripe/*", "*/stripe-emulator/*")
# vulture's figure for functions, classes and methods: it sees names, not types, so it
# is never surer of them. Imports (90) and unreachable lines (100) are above it.
CONFIDENCE = 60
# Fields are read by tables, forms and serializers, under names nobody writes out.
JUDGED = {"class", "function", "import", "method", "property", "unreachable_code"}
# Django, DRF and Celery find what these decorate.
DECORATORS = [
    *(
        "@register.*",
        "@subscribe*",
        "@shared_task*",
        "@fulfils*",
        "@carries_out*",
        "@receiver*",
    ),
    *("@checks.register*", "@beat_init.*"),
]
DOTTED = re.compile(r"[a-z_]+(?:\.\w+)+")
TAG = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
# A word between quotes is text, or the name of a template.
QUOTED = re.compile(r"""("|').*?\1""", re.DOTALL)


def allowances() -> dict[str, str]:
    """Return the patterns of names that are alive, and who calls them."""
    with (ROOT / "tools/lint/alive.toml").open("rb") as file:
        groups = tomllib.load(file)
    return {name: reason for reason, names in groups["alive"].items() for name in names}


def read_elsewhere(sources: Iterable[str], templates: Iterable[str]) -> set[str]:
    """Return the names that templates and dotted paths in strings mention."""
    names: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            text = getattr(node, "value", None)
            if isinstance(text, str) and DOTTED.fullmatch(text):
                names |= set(text.split("."))
    for template in templates:
        for tag in TAG.findall(template):
            names |= set(re.findall(r"\w+", QUOTED.sub("", tag)))
    return names


def dead(
    folders: Iterable[Path], templates: Iterable[Path], alive: Mapping[str, str]
) -> tuple[list[Item], set[str]]:
    """Return what nothing reads, and the allowances that were needed."""
    folders = list(folders)
    search = Vulture(ignore_decorators=DECORATORS)
    search.scavenge([str(folder) for folder in folders], exclude=list(LEFT_OUT))
    files = [
        path
        for folder in folders
        for path in ([folder] if folder.is_file() else folder.rglob("*.py"))
    ]
    elsewhere = read_elsewhere(
        (path.read_text() for path in files), (path.read_text() for path in templates)
    )
    found, needed = [], set()
    for item in search.get_unused_code(min_confidence=CONFIDENCE):
        if item.typ not in JUDGED or item.name in elsewhere:
            continue
        allowance = next((p for p in alive if fnmatch.fnmatchcase(item.name, p)), None)
        if allowance is None:
            found.append(item)
        else:
            needed.add(allowance)
    return found, needed


def complaints() -> Iterator[str]:
    alive = allowances()
    folders = [ROOT / source for source in SOURCES]
    found, needed = dead(folders, (ROOT / "templates").rglob("*.*"), alive)
    for item in found:
        place = Path(item.filename).resolve().relative_to(ROOT)
        yield f"{place}:{item.first_lineno}: nothing but a test calls {item.name}"
    for pattern in sorted(set(alive) - needed):
        yield f"tools/lint/alive.toml: nothing needs {pattern}"
