"""Imports point down: a planted one that does not is found, whoever plants it."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import drawing
from tools.drawing import NotDrawable, check_parts, lines_of, rows_of

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

Lint = Callable[[str, str], subprocess.CompletedProcess[str]]


@pytest.fixture
def lint(tmp_path: Path) -> Lint:
    """Return a run of the project's contracts on rooms that hold one planted line."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for room in CONTRACTS["root_packages"]:
        _make_room(tmp_path / room)
    for contract in CONTRACTS["contracts"]:
        for container in contract.get("containers", []):
            for layer in contract["layers"]:
                for name in layer.split(" | "):
                    _make_room(tmp_path.joinpath(*container.split("."), name))

    def lint(module: str, line: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / module
        _make_room(path.parent)
        path.write_text(f"{line}\n")
        return subprocess.run(
            [
                sys.executable,
                "-c",
                "from importlinter.cli import lint_imports_command as main; main()",
                "--no-cache",
            ],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    return lint


def _make_room(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()


UP = {
    "an area to the roof": ("billing/plans/x.py", "import config"),
    "foundation to an area": ("outbox/x.py", "from community import forum"),
    "foundation to the roof": ("core/x.py", "import operations"),
    "one area to another": ("community/forum/x.py", "import billing.plans"),
    "values to the edge": ("core/x.py", "import edge"),
    "the stores to the edge": ("stores/x.py", "import edge"),
    "an app to the one above it": ("billing/plans/x.py", "import billing.conversion"),
    "the protocol to who calls": ("inference/protocol/x.py", "import inference.keys"),
    "a stop of the path to a later one": (
        "inference/gateway/exchange.py",
        "import inference.gateway.admission",
    ),
    "for type checking only": (
        "outbox/x.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import accounts",
    ),
}


@pytest.mark.parametrize(("module", "line"), UP.values(), ids=UP)
def test_an_import_up_is_found(lint: Lint, module: str, line: str) -> None:
    run = lint(module, line)

    assert run.returncode == 1, run.stdout + run.stderr
    assert "BROKEN" in run.stdout
    assert module.removesuffix(".py").replace("/", ".") in run.stdout


def test_a_circle_inside_a_room_is_found(lint: Lint) -> None:
    assert lint("accounts/ways/one.py", "import accounts.doors.two").returncode == 0

    run = lint("accounts/doors/two.py", "import accounts.ways.one")

    assert run.returncode == 1
    assert "No cycles are allowed in accounts" in run.stdout


def test_an_import_down_is_none_of_its_business(lint: Lint) -> None:
    assert lint("billing/plans/x.py", "import edge, stores, core").returncode == 0


def test_rooms_that_stand_on_each_other_cannot_be_drawn() -> None:
    with pytest.raises(NotDrawable, match="a, b stand on each other"):
        rows_of({"a": {"b"}, "b": {"a", "c"}, "c": set()})


def test_a_row_stands_on_the_rows_below_it() -> None:
    assert rows_of({"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": set()}) == [
        ["a"],
        ["b"],
        ["c", "d"],
    ]


def test_a_row_wider_than_its_cell_goes_on_in_the_next_line() -> None:
    assert [*lines_of(["usage", "keys", "catalog"], 14)] == [
        "usage · keys ·",
        "catalog",
    ]
    assert [*lines_of(["usage", "keys"], 15)] == ["usage · keys"]


@pytest.mark.parametrize(
    ("room", "other"),
    [("core", "billing"), ("billing", "config"), ("billing", "inference")],
)
def test_an_arrow_up_or_across_cannot_be_drawn(room: str, other: str) -> None:
    with pytest.raises(NotDrawable, match=f"{room} must not import {other}"):
        check_parts({room: {other}, other: set()})


def test_a_drawing_of_another_tree_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "ARCHITECTURE.md"
    page.write_text(drawing.PAGE.read_text().replace("notifications", "nothing"))
    monkeypatch.setattr(drawing, "PAGE", page)

    assert [*drawing.complaints()] == [
        "ARCHITECTURE.md: the drawing is of another tree; make drawing renews it"
    ]
