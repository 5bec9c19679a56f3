"""Set-up on a bare machine: an environment with pinned packages, then a command.

Runs under any Python from 3.11 on and needs nothing installed:

    python3 platform/embedded/bootstrap.py run

Packages are installed again only when a file under ``requirements/`` changed.
"""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
RUNNING = ("base", "embedded")
DEVELOPING = (*RUNNING, "dev")

COMMANDS: dict[str, tuple[tuple[str, ...], list[list[str]]]] = {
    "setup": (DEVELOPING, []),
    "run": (RUNNING, [["manage.py", "start"]]),
    "test": (DEVELOPING, [["-m", "pytest", "-n", "2", "--dist", "loadgroup"]]),
    "lint": (
        DEVELOPING,
        [
            ["-m", "ruff", "check", "."],
            ["-m", "ruff", "format", "--check", "."],
            ["-m", "mypy", "."],
            ["-c", "from importlinter.cli import lint_imports_command as main; main()"],
            ["-m", "djlint", "--check", "--lint", "--quiet", "templates"],
            ["manage.py", "makemigrations", "--check", "--dry-run"],
        ],
    ),
    "bench": (DEVELOPING, [["-m", "tests.bench"]]),
    "faults": (DEVELOPING, [["-m", "pytest", "-m", "faults", "-n", "0"]]),
}


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
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    try:
        install(groups)
    except subprocess.CalledProcessError as error:
        say("The packages could not be installed; the lines above say why.")
        return error.returncode
    return run(name, steps, rest)


def install(groups: tuple[str, ...]) -> None:
    """Make the environment and install ``groups`` unless that is already done."""
    wanted = fingerprint(groups)
    installed = STAMP.read_text().splitlines() if STAMP.exists() else []
    if PYTHON.exists() and wanted in installed:
        return
    started = time.monotonic()
    say("Setting up: this takes a minute or two, once.")
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    files = [part for group in groups for part in ("-r", f"requirements/{group}.txt")]
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes"]
    options = ["--no-compile", "--disable-pip-version-check", "--prefer-binary"]
    subprocess.run([*pip, *options, *files], check=True)
    # Having the larger set also means having the smaller ones.
    stamps = {fingerprint(groups[:count]) for count in range(1, len(groups) + 1)}
    STAMP.write_text("\n".join(sorted(stamps)))
    say(f"Set up in {time.monotonic() - started:.0f} s.")


def fingerprint(groups: tuple[str, ...]) -> str:
    """Return what tells one set of pinned packages from another."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for group in groups:
        digest.update((ROOT / "requirements" / f"{group}.txt").read_bytes())
    return digest.hexdigest()


def run(name: str, steps: list[list[str]], rest: list[str]) -> int:
    """Run the steps of a command; the first failure decides, lint runs them all."""
    worst = 0
    for index, step in enumerate(steps):
        command = [str(PYTHON), *step]
        if index == len(steps) - 1:
            command += rest
            if name != "lint":
                os.execv(command[0], command)  # noqa: S606
        print(f"$ {' '.join(['python', *step])}", flush=True)
        worst = subprocess.run(command, check=False).returncode or worst
    return worst


def say(sentence: str) -> None:
    print(f"doorstone: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
