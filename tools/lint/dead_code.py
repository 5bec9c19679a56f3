"""Code and templates of the product that nothing uses, or only tests do.

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

from django.template.utils import get_app_template_dirs
from vulture import Vulture
from vulture.core import Item

from tools.lint.sources import product

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("manage.py", "platform", "community", "inference", "billing", "tools")
# Migrations run once, by name; the emulator is a program with checks of its own.
LEFT_OUT = ("*/migrations/*", "*/embedded/stripe/*", "*/stripe-emulator/*")
# vulture's figure for functions, classes and methods: it sees names, not types, so it
# is never surer of them. Imports (90) and unreachable lines (100) are above it.
CONFIDENCE = 60
# Fields are read by tables, forms and serializers, under names nobody writes out.
JUDGED = {"class", "function", "import", "method", "property", "unreachable_code"}
# Of variables these: others are fields, under names that are read by none of ours.
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
# Django reads those of settings and of formats.
READ_BY_NAME = ("/config/settings/", "/design/formats/")
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
    *("@checks.register*", "@beat_init.*", "@worker_before_create_process.*"),
]
DOTTED = re.compile(r"[a-z_]+(?:\.\w+)+")
TAG = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
QUOTED_PATH = re.compile(r"""["']([\w./-]+\.(?:html|txt|xml|js))["']""")
TEMPLATE = re.compile(r"\.(?:html|txt|xml|js)$")
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
        is_judged = item.typ in JUDGED or _is_constant(item)
        if not is_judged or item.name in elsewhere:
            continue
        allowance = next((p for p in alive if fnmatch.fnmatchcase(item.name, p)), None)
        if allowance is None:
            found.append(item)
        else:
            needed.add(allowance)
    return found, needed


def _is_constant(item: Item) -> bool:
    """Tell whether something unused is a constant of a module, and none of a class."""
    path = Path(item.filename)
    return bool(
        item.typ == "variable"
        and CONSTANT.fullmatch(item.name)
        and not any(part in path.as_posix() for part in READ_BY_NAME)
        and path.read_text().splitlines()[item.first_lineno - 1].startswith(item.name)
    )


def unused_templates(
    names: Iterable[str], sources: Iterable[str], templates: Iterable[str]
) -> list[str]:
    """Return which of ``names`` no code and no other template mentions."""
    named = [
        re.escape(name) for text in templates for name in QUOTED_PATH.findall(text)
    ]
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if TEMPLATE.search(_text(node)):
                named.append(re.escape(_text(node)))
            elif isinstance(node, ast.JoinedStr):
                # Its folder or its kind is fixed; with neither it could be any text.
                first, last = _text(node.values[0]), _text(node.values[-1])
                if "/" in first or TEMPLATE.search(last):
                    named.append("".join(map(_piece, node.values)))
    wanted = re.compile("|".join(named))
    return [name for name in names if not wanted.fullmatch(name)]


def _text(node: ast.AST) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _piece(value: ast.expr) -> str:
    return re.escape(_text(value)) or "[^/]+"


def _of_libraries(names: Iterable[str]) -> Iterator[str]:
    """Yield the names of templates that take the place of a library's."""
    folders = get_app_template_dirs("templates")
    for name in names:
        if any((Path(folder) / name).exists() for folder in folders):
            yield name


def complaints() -> Iterator[str]:
    alive = allowances()
    folders = [ROOT / source for source in SOURCES]
    found, needed = dead(folders, (ROOT / "templates").rglob("*.*"), alive)
    for item in found:
        place = Path(item.filename).resolve().relative_to(ROOT)
        yield f"{place}:{item.first_lineno}: nothing but a test calls {item.name}"
    for pattern in sorted(set(alive) - needed):
        yield f"tools/lint/alive.toml: nothing needs {pattern}"
    texts = {
        path.relative_to(ROOT / "templates").as_posix(): path.read_text()
        for path in sorted((ROOT / "templates").rglob("*.*"))
    }
    sources = (file.text for file in product())
    for name in unused_templates(
        set(texts) - {*_of_libraries(texts)}, sources, texts.values()
    ):
        yield f"templates/{name}: nothing renders or includes it"
