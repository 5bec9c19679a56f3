"""The count of branches is what coverage says, and a bare place is named."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.branches import MONEY_PATH, ROOT, Count, complaints, read_counts, summed

HALF = """
def half(x):
    if x:
        return 1
    return 2


half(1)
"""


def test_branches_are_counted_as_they_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.coverage.run]\nbranch = true\nrelative_files = true\n"
    )
    (tmp_path / "half.py").write_text(HALF)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tools.branches.ROOT", tmp_path)
    subprocess.run([sys.executable, "-m", "coverage", "run", "half.py"], check=True)

    assert read_counts(tmp_path / ".coverage") == {"half.py": Count(2, 1)}


def _whole() -> dict[str, Count]:
    return {f"{place}/a.py": Count(100, 96) for place in MONEY_PATH}


def test_the_money_path_above_its_floor_is_let_through() -> None:
    assert [*complaints(_whole())] == []


def test_a_bare_file_of_the_money_path_is_named() -> None:
    first, *_ = counts = _whole()
    counts[first] = Count(100, 10)

    found = [*complaints(counts)]

    assert "at least 95%" in found[0]
    assert first in found[1]


def test_a_place_that_moved_is_said_instead_of_forgotten() -> None:
    counts = _whole()
    del counts[f"{MONEY_PATH[0]}/a.py"]

    assert [*complaints(counts)] == [
        f"{MONEY_PATH[0]}: nothing was measured there; has it moved?"
    ]


def test_every_place_of_the_money_path_is_there() -> None:
    for place in MONEY_PATH:
        assert (ROOT / place).exists() or (ROOT / f"{place}.py").exists(), place


def test_nothing_counts_as_all_of_nothing() -> None:
    assert summed({}, "billing") == Count(0, 0)
    assert Count(0, 0).share == 1
