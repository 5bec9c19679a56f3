"""``make lint`` finds what is planted in a copy of the tree, and says where it is.

The other tests of this folder look at one check each. Here the commands that ``make
lint`` runs look at the product itself, with one fault of every kind in it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.bootstrap import COMMANDS, IMPORTS
from tests.fakes.servers import ROOT

# All in one copy, which one worker makes.
pytestmark = pytest.mark.xdist_group("planted")

HOUSE = ["-m", "tools.lint"]
CHECKS = (
    *("stylesheets", "dead code", "pages", "addresses", "parameters", "words"),
    *("drawing", "private parts", "sign-in", "numbers"),
)
# What is put in the place of what is there; in the place of nothing, at the end.
PLANTED: dict[str, tuple[str, str]] = {
    "platform/core/planted.py": ("", "import billing.plans\n"),
    "platform/accounts/planted_one.py": ("", "import accounts.planted_two\n"),
    "platform/accounts/planted_two.py": ("", "import accounts.planted_one\n"),
    "billing/ledger/checks.py": ("", "\n\ndef planted_and_forgotten(): ...\n"),
    "platform/edge/planted.py": (
        "",
        """from django.contrib.auth import decorators

WAYS = [decorators.login_required, getattr(decorators, "_redirect", None)]
PAGE = "/settings/planted/"
MOST = 7
""",
    ),
    "templates/forum/planted.html": ("", '<a href="/pricing/">Prices</a>\n'),
    "platform/operations/apps.py": ("operations:jobs", "operations:planted"),
    "community/forum/api.py": ('self.asked["category"]', 'self.asked["planted"]'),
    "inference/keys/models.py": (
        "",
        '\n\nclass State(models.TextChoices):\n    PLANTED = "planted"\n',
    ),
    "platform/design/static/design/css/base.css": (
        "",
        ".planted { color: var(--text); top: 0; }\n",
    ),
}
FOUND = {
    "an import up": "core.planted -> billing.plans (l.1)",
    "an import up, in the drawing": "ARCHITECTURE.md: core must not import billing",
    "a circle": "No cycles are allowed in accounts.",
    "dead code": "planted_and_forgotten",
    "a menu entry that leads nowhere": "no page is called operations:planted",
    "a constant nobody reads": "nothing but a test calls WAYS",
    "a template nothing renders": "templates/forum/planted.html: nothing renders",
    "an address in a template": "templates/forum/planted.html:1: /pricing/ is written out",
    "an address of no page": "planted.py:4: /settings/planted/ leads to no page",
    "a private part named by a text": "planted.py:3: _redirect is private",
    "another way to ask for a sign-in": "planted.py:3: login_required; use",
    "a number without its reason": "planted.py:5: nothing says why MOST",
    "a query parameter without description": (
        "TopicList reads planted, which is undescribed"
    ),
    "a state outside the glossary": "planted is no state of docs/glossary.md",
    "a stylesheet without format": "base.css: not formatted",
}


def run(copy: Path, *arguments: str) -> "subprocess.Popen[str]":
    sources = [copy / "platform", copy, copy / "tools/stripe-emulator/src"]
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=copy,
        env={
            **{name: os.environ[name] for name in ("PATH", "DATABASE_URL")},
            "PYTHONPATH": os.pathsep.join(map(str, sources)),
            "DJANGO_SETTINGS_MODULE": "config.settings.dev",
            "COLUMNS": "200",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what the checks say of a copy with every fault in it."""
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("platform", "community", "inference", "billing", "templates"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    for folder in ("tools", "docs/decisions"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    for file in ("manage.py", "pyproject.toml", "ARCHITECTURE.md", "docs/glossary.md"):
        shutil.copy(ROOT / file, copy / file)
    for name, (old, new) in PLANTED.items():
        path = copy / name
        text = path.read_text() if path.exists() else ""
        assert old in text, name
        path.write_text(text.replace(old, new, 1) if old else text + new)
    looking = [
        run(copy, *HOUSE, *CHECKS),
        run(copy, *IMPORTS, "--no-cache"),
    ]
    told = [process.communicate()[0] for process in looking]
    assert [process.returncode for process in looking] == [1, 1], told
    return "\n".join(told)


def test_make_lint_runs_these_checks() -> None:
    assert HOUSE in COMMANDS["lint"][1]
    assert IMPORTS in COMMANDS["lint"][1]


@pytest.mark.parametrize("words", FOUND.values(), ids=FOUND)
def test_what_is_planted_is_named(said: str, words: str) -> None:
    assert words in said
