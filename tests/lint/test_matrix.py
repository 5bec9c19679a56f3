"""The matrix holds every supported Python and both ends of PostgreSQL."""

from pathlib import Path

import pytest

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
