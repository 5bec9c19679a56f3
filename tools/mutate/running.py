"""One mutant at a time in a copy of the tree, against the tests that run its line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from coverage import CoverageData

from tools.mutate.mutants import ROOT, Mutant

# Longer than the slowest of these tests takes: a mutant that takes longer hangs.
PATIENCE = 300
# Exit codes of pytest: all passed; some failed; broken off, as by an import that fails.
PASSED, KILLED = 0, {1, 2}

# One process, the database of the run before, and the same order each time.
OPTIONS = ("-n", "0", "--reuse-db", "-x", "-p", "no:randomly", "--no-cov")

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


def cover(copy: Copy, tests: list[str], modules: list[str], jobs: int) -> Covered:
    """Return which tests run which lines. Raises ``CannotJudge``."""
    sources = sorted({str(Path(module).parent) for module in modules})
    run = copy.pytest(
        *("-n", str(jobs), "--dist", "loadgroup"),
        *("--cov-context=test", "--cov-report=", "--no-cov-on-fail"),
        *(f"--cov={source}" for source in sources),
        *tests,
    )
    if run.returncode != PASSED:
        raise CannotJudge(run.stdout[-2000:] + run.stderr[-2000:])
    data = CoverageData(str(copy.folder / ".coverage"))
    data.read()
    covered: dict[str, dict[int, list[str]]] = {}
    for module in modules:
        lines = data.contexts_by_lineno(str((copy.folder / module).resolve()))
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
    """Return the tests that run the statement the mutant is in, perhaps none."""
    lines = covered[mutant.module]
    texts = source.splitlines()
    for line in range(mutant.line, 0, -1):
        if lines.get(line):
            return lines[line]
        # Only the first line of a statement is counted; above it stands another one.
        if texts[line - 1].lstrip().startswith(("def ", "async def ", "class ")):
            return []
    return []


def is_killed(copy: Copy, mutant: Mutant, covered: Covered) -> bool:
    """Whether a test fails, or hangs, with the mutant in the tree."""
    tests = tests_of(mutant, covered, (copy.folder / mutant.module).read_text())
    if not tests:
        return False
    with copy.changed(mutant):
        try:
            run = copy.pytest(*OPTIONS, *tests, patience=PATIENCE)
        except subprocess.TimeoutExpired:
            return True
    if run.returncode not in {PASSED, *KILLED}:
        raise CannotJudge(f"{mutant}: {run.stdout[-1000:]}{run.stderr[-1000:]}")
    return run.returncode in KILLED
