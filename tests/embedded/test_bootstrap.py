"""Environments in every state a killed, moved or mismatched set-up leaves."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.servers import ROOT

# Each makes environments anew, which takes seconds.
pytestmark = pytest.mark.faults
SCRIPT = "platform/embedded/bootstrap.py"
GROUPS = ("base", "embedded", "bundled", "tracing", "dev")


def other_pythons() -> list[str]:
    """Return Pythons of another minor version that can make environments."""
    mine = f"python3.{sys.version_info.minor}"
    names = [
        name for name in ("python3.11", "python3.12", "python3.13") if name != mine
    ]
    places = [*map(shutil.which, names)]
    places += [
        str(path)
        for name in names
        for path in Path("~/.pyenv/versions").expanduser().glob(f"*/bin/{name}")
    ]
    return [
        place
        for place in places
        if place
        and subprocess.run(
            [place, "-c", "import ensurepip"], capture_output=True
        ).returncode
        == 0
    ]


class Project:
    """A folder with the set-up of ours and hardly anything to install."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ".venv" / "bin" / "python"
        (folder / "platform" / "embedded").mkdir(parents=True)
        (folder / "requirements").mkdir()
        shutil.copy(ROOT / SCRIPT, folder / SCRIPT)
        for group in GROUPS:
            (folder / "requirements" / f"{group}.txt").write_text("# nothing\n")

    def set_up(
        self, python: str = sys.executable, **environment: str
    ) -> tuple[int, str]:
        """Run set-up; return its exit code and what it said."""
        done = subprocess.run(
            [python, str(self.folder / SCRIPT), "setup", "-c", ""],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    def version(self) -> str:
        asked = [str(self.python), "-c", "import sys; print(sys.version_info.minor)"]
        return subprocess.run(
            asked, capture_output=True, text=True, check=True
        ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    code, said = made.set_up()
    assert code == 0, said
    assert "Set up in" in said
    return made


def test_what_is_set_up_is_left_alone(project: Project) -> None:
    assert project.set_up() == (0, "")


@pytest.mark.smoke
def test_another_python_makes_the_environment_again(project: Project) -> None:
    others = other_pythons()
    if not others:
        pytest.skip("there is one Python on this machine")

    code, said = project.set_up(others[0])

    mine = f"3.{sys.version_info.minor}"
    assert code == 0
    assert f"has Python {mine}, and this is 3." in said
    assert f"3.{project.version()}" != mine
    assert project.set_up(others[0]) == (0, "")


def without_python(project: Project) -> None:
    for path in (project.folder / ".venv" / "bin").glob("python*"):
        path.unlink()


def with_a_python_that_is_gone(project: Project) -> None:
    for path in (project.folder / ".venv" / "bin").glob("python*"):
        path.unlink()
        path.symlink_to(project.folder / "uninstalled" / path.name)


def without_pip(project: Project) -> None:
    for path in (project.folder / ".venv" / "lib").glob("*/site-packages/pip"):
        shutil.rmtree(path)


def killed_in_pip(project: Project) -> None:
    (project.folder / ".venv" / "installing").touch()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (without_python, "The environment has no Python."),
        (with_a_python_that_is_gone, "The environment has no Python."),
        (without_pip, "The environment has no pip."),
        (killed_in_pip, "The environment is half made."),
    ],
)
def test_a_spoilt_environment_is_made_again(
    project: Project, spoil: Callable[[Project], None], told: str
) -> None:
    spoil(project)

    code, said = project.set_up()

    assert code == 0, said
    assert f"{told} It is made again." in said
    assert project.set_up() == (0, "")


def test_a_folder_that_was_moved_is_set_up_again(
    project: Project, tmp_path: Path
) -> None:
    project.folder.rename(tmp_path / "moved")
    project.folder = tmp_path / "moved"

    code, said = project.set_up()

    assert code == 0
    assert "The environment was moved. It is made again." in said
    first = (project.folder / ".venv" / "bin" / "pip").read_text().splitlines()[0]
    assert str(project.folder) in first


def test_two_set_ups_at_once_take_turns(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    command = [sys.executable, str(project.folder / SCRIPT), "setup"]
    both = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]

    said = [process.communicate()[1] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum("Set up in" in each for each in said) == 1
    assert sum("Another set-up is under way" in each for each in said) == 1


def test_a_set_up_that_is_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    first = subprocess.Popen(
        [sys.executable, str(project.folder / SCRIPT), "setup"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not project.python.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()

    code, said = project.set_up()

    assert code == 0, said
    assert project.set_up() == (0, "")


def test_an_index_that_cannot_be_reached_is_one_sentence(project: Project) -> None:
    pin = "doorstone-nowhere==1.0 --hash=sha256:" + "0" * 64
    (project.folder / "requirements" / "base.txt").write_text(pin)

    code, said = project.set_up(
        PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0"
    )

    assert code == 1
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith(
        "doorstone: The packages could not be installed; the lines above say why."
    )


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    # Root may write everywhere but into this.
    (project.folder / ".venv.lock").mkdir()

    code, said = project.set_up()

    assert code == 1
    assert "Traceback" not in said
    assert said.startswith("doorstone: The environment could not be set up:")
