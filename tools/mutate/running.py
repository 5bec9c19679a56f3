"""One mutant at a time in a copy of the tree, against the tests that run its line."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from coverage import CoverageData

from tools.mutate.mutants import ROOT, Mutant

# Longer than the slowest of these tests takes: a mutant that takes longer hangs.
PATIENCE = 300
# Exit codes of pytest: all passed; some failed; broken off, as by an import that fails.
PASSED, KILLED, NOT_FOUND = 0, {1, 2}, 4

# What a busy machine's garbage collector warns of is no verdict.
QUIET = ("-p", "no:randomly", "-p", "no:unraisableexception")
# One process, the database of the run before, and the same order each time. Without
# its plugin hypothesis is loaded where a test asks for it: a second of each run.
OPTIONS = ("-n", "0", "--reuse-db", "-x", "--no-cov", "-p", "no:hypothesispytest")

# So many of the nearest tests are asked. A fault that they do not see, and one far away
# does, wants a nearer one; and some lines are run by every second test.
NEAREST = 40
# Starts the servers of tests/services.py and keeps them until its input ends.
SERVERS = """
import json, os, sys
from tests import services
names = ("DATABASE_URL", "REDIS_URL", "VAR_DIR")
print(json.dumps({name: os.environ[name] for name in names}), flush=True)
sys.stdin.read()
services.services.close()
"""

# Tests by line, by module.
Covered = Mapping[str, Mapping[int, list[str]]]


class CannotJudge(Exception):
    """The tests do not pass without any change, so they cannot judge one."""


@dataclass
class Copy:
    """A copy of the tree with servers and a database of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def pytest(
        self, *arguments: str, patience: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:valkey", *arguments],
            cwd=self.folder,
            env=_without_servers() | self.environment,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )

    @contextmanager
    def changed(self, mutant: Mutant) -> Iterator[None]:
        """Have the mutant in the tree until the end of the block."""
        path = self.folder / mutant.module
        source = path.read_text()
        path.write_text(mutant.code(source))
        try:
            yield
        finally:
            path.write_text(source)


def _without_servers() -> dict[str, str]:
    """Return this environment without the servers of whoever called."""
    named = {"DATABASE_URL", "REDIS_URL", "VAR_DIR", "PYTEST_XDIST_WORKER"}
    return {key: value for key, value in os.environ.items() if key not in named}


@contextmanager
def served(copy: Copy) -> Iterator[Copy]:
    """Keep the servers of a copy's tests until the end of the block.

    To start them for each mutant would take longer than most of the tests do.
    """
    with subprocess.Popen(
        [sys.executable, "-c", SERVERS],
        cwd=copy.folder,
        env=_without_servers() | copy.environment | {"PYTHONPATH": "."},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise CannotJudge("The servers of the tests do not start.")
        yield replace(copy, environment=copy.environment | json.loads(line))
        process.communicate()


def make_copy(folder: Path) -> Copy:
    """Copy what git knows of the tree, as it is now, into ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    # Tests of the tree's history and hooks look for a repository.
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return Copy(folder, {"PYTHONPATH": "", "DOORSTONE_SLOT": folder.name})


def cover(
    copy: Copy, tests: list[str], modules: list[str], jobs: int, *, data: Path
) -> Covered:
    """Return which tests run which lines, as ``measure`` wrote it into ``data``.

    Measures first where there is no such file. Raises ``CannotJudge``.
    """
    if not data.exists():
        measure(copy, tests, modules, jobs)
        shutil.move(copy.folder / ".coverage", data)
    return read(data, copy.folder, modules)


def measure(copy: Copy, tests: list[str], modules: list[str], jobs: int) -> None:
    """Run the tests and note which lines each runs. Raises ``CannotJudge``."""
    sources = sorted({str(Path(module).parent) for module in modules})
    run = copy.pytest(
        *("-n", str(jobs), "--dist", "loadgroup", *QUIET),
        *("--cov-context=test", "--cov-report=", "--no-cov-on-fail"),
        *(f"--cov={source}" for source in sources),
        *tests,
    )
    if run.returncode != PASSED:
        raise CannotJudge(run.stdout[-2000:] + run.stderr[-2000:])


def read(file: Path, folder: Path, modules: list[str]) -> Covered:
    """Return the tests by line. Raises ``CannotJudge`` for a module none runs."""
    data = CoverageData(str(file))
    data.read()
    covered: dict[str, dict[int, list[str]]] = {}
    for module in modules:
        # Relative where the project's settings ask for that (``relative_files``).
        lines = data.contexts_by_lineno(module) or data.contexts_by_lineno(
            str((folder / module).resolve())
        )
        if not lines:
            raise CannotJudge(f"None of the tests was seen in {module}.")
        covered[module] = {
            line: sorted({_test(context) for context in contexts if context})
            for line, contexts in lines.items()
        }
    return covered


def _test(context: str) -> str:
    """Return the id of a test: without its phase and the group it ran in."""
    name = context.rpartition("|")[0]
    before, _, group = name.rpartition("@")
    return before if before and "]" not in group and "/" not in group else name


def tests_of(mutant: Mutant, covered: Covered, source: str) -> list[str]:
    """Return the nearest tests that run the mutant's statement, perhaps none."""
    lines = covered[mutant.module]
    for line in _lines_to_ask(mutant.line, source.splitlines()):
        if lines.get(line):
            nearest = sorted(lines[line], key=partial(_distance, mutant.module))
            return nearest[:NEAREST]
    return []


def _lines_to_ask(line: int, texts: list[str]) -> Iterator[int]:
    """Yield where the tests of a line may be counted, the most likely first.

    Only the first line of a statement is counted, and a decorator runs before any
    test does: what it decorates says which tests need it.
    """

    def begins(number: int) -> bool:
        text = texts[number - 1].lstrip()
        return text.startswith(("def ", "async def ", "class "))

    if not texts[line - 1].lstrip().startswith("@"):
        while line and not begins(line):
            yield line
            line -= 1
        return
    while not begins(line):
        line += 1
    line += 1
    while line <= len(texts) and not begins(line):
        yield line
        line += 1


def _distance(module: str, test: str) -> int:
    """Return how far a test is from a module; the nearest mostly notices first."""
    words = set(Path(module).with_suffix("").parts)
    return -len(words & set(re.split(r"[/_.]|test_", test.partition("::")[0])))


def is_killed(copy: Copy, mutant: Mutant, covered: Covered) -> bool:
    """Whether a test fails, or hangs, with the mutant in the tree."""
    tests = tests_of(mutant, covered, (copy.folder / mutant.module).read_text())
    if not tests:
        return False
    with copy.changed(mutant):
        try:
            run = copy.pytest(*OPTIONS, *QUIET, *tests, patience=PATIENCE)
            if run.returncode == NOT_FOUND:
                # A test's parameters may be worked out by what was changed.
                whole = dict.fromkeys(test.partition("[")[0] for test in tests)
                run = copy.pytest(*OPTIONS, *QUIET, *whole, patience=PATIENCE)
        except subprocess.TimeoutExpired:
            return True
    if run.returncode not in {PASSED, *KILLED}:
        raise CannotJudge(f"{mutant}: {run.stdout[-1000:]}{run.stderr[-1000:]}")
    return run.returncode in KILLED
