"""The matrix holds every supported Python and both ends of PostgreSQL."""

import json
import re
from pathlib import Path

import pytest

from embedded.postgres import _wheel_binaries, major_version
from tools import matrix


def _here(
    monkeypatch: pytest.MonkeyPatch, pythons: list[str], found: list[int]
) -> None:
    paths = {version: Path(f"/bin/python{version}") for version in pythons}
    monkeypatch.setattr(matrix, "pythons", lambda: paths)
    monkeypatch.setattr(matrix, "postgres_versions", lambda: found)


def test_each_python_meets_the_oldest_and_the_newest_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _here(monkeypatch, ["3.11", "3.13"], [15, 16, 18])

    assert [pair.name for pair in matrix.pairs()] == [
        "python3.11-postgres15",
        "python3.11-postgres18",
        "python3.13-postgres15",
        "python3.13-postgres18",
    ]


def test_what_is_not_here_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    _here(monkeypatch, ["3.12"], [18])

    assert [line.split(":")[0] for line in matrix.missing()] == [
        "not run     Python 3.11",
        "not run     Python 3.13",
        "not run     PostgreSQL 15",
    ]


def test_the_python_that_runs_this_is_found() -> None:
    import sys

    assert "{}.{}".format(*sys.version_info) in matrix.pythons()


def test_its_bounds_are_those_the_guides_name() -> None:
    readme = (matrix.ROOT / "README.md").read_text()

    assert f"Python {', '.join(matrix.PYTHONS[:-1])} or {matrix.PYTHONS[-1]}" in readme
    architecture = (matrix.ROOT / "ARCHITECTURE.md").read_text()
    assert f"PostgreSQL (≥ {matrix.OLDEST_POSTGRES})" in architecture


def test_every_change_is_tested_at_both_ends_of_what_is_supported() -> None:
    workflow = (matrix.ROOT / ".github/workflows/checks.yml").read_text()
    listed = {
        name: json.loads(values)
        for name, values in re.findall(r"(\w+): (\[\".*\"\])", workflow)
    }
    # The newest server is that of the wheel we install.
    newest = max(major_version(folder) for folder in _wheel_binaries())

    assert listed == {
        "python": [matrix.PYTHONS[0], matrix.PYTHONS[-1]],
        "postgres": [str(matrix.OLDEST_POSTGRES), str(newest)],
    }
    assert workflow.count("run: .ci/run") == 1


def test_one_pair_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    _here(monkeypatch, ["3.11", "3.13"], [15, 18])
    tested = []

    def test(pair: matrix.Pair, arguments: list[str]) -> int:
        tested.append((pair.name, arguments))
        return 0

    monkeypatch.setattr(matrix, "test", test)

    assert matrix.main(["--pair", "python3.13-postgres15", "tests/billing"]) == 0
    assert tested == [("python3.13-postgres15", ["tests/billing"])]
