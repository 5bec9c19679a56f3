"""The steps of a command: which wait for each other, and what they say."""

from pathlib import Path

import pytest

from embedded import bootstrap

# Half a minute at most: the other step comes at once, or never.
WAIT = """
import pathlib, sys, time
for _ in range(600):
    if pathlib.Path(sys.argv[1]).exists():
        sys.exit(print("one"))
    time.sleep(0.05)
sys.exit("nobody came")
"""
COME = (
    "import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); print('two'); sys.exit(3)"
)


def test_linters_look_at_once_and_are_heard_in_their_order(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    there = str(tmp_path / "there")

    code = bootstrap.run("lint", [["-c", WAIT, there], ["-c", COME]], [there])

    said, complained = capfd.readouterr()
    assert code == 3
    assert [line for line in said.splitlines() if line in {"one", "two"}] == [
        *("one", "two")
    ]
    assert "complained (3)" in complained
    assert complained.count("complained") == 1


def test_whoever_writes_is_waited_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    leave = "import pathlib, sys; pathlib.Path(sys.argv[1]).unlink(); print('gone')"

    code = bootstrap.run(
        "requirements", [["-c", COME, str(there)], ["-c", leave, str(there)]], []
    )

    # The second found what the first had left.
    assert (code, there.exists()) == (3, False)
    assert "gone" in capfd.readouterr().out
