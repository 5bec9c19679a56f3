"""Makes the environments of ``make clients`` under ``var/clients``, once."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = HERE.parents[1] / "var" / "clients"
GROUPS = ("newest", "instructor")
NODE = PLACE / "node"


def main() -> int:
    """Make what is missing or outdated."""
    for group in GROUPS:
        wanted = HERE / f"{group}.txt"
        if not _is_made(PLACE / group, wanted):
            _say(f"installing the clients of {wanted.name}")
            _make_environment(PLACE / group, wanted)
    wanted = HERE / "package-lock.json"
    if not _is_made(NODE, wanted):
        _say("installing the clients for Node")
        NODE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, NODE / name)
        npm = PLACE / "newest" / "bin" / "npm"
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True)
        _note(NODE, wanted)
    return 0


def _make_environment(place: Path, wanted: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", "-r", str(wanted)], check=True)
    _note(place, wanted)


def _is_made(place: Path, wanted: Path) -> bool:
    stamp = place / "made-of"
    return stamp.is_file() and stamp.read_text() == _digest(wanted)


def _note(place: Path, wanted: Path) -> None:
    (place / "made-of").write_text(_digest(wanted))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _say(text: str) -> None:
    sys.stdout.write(f"clients: {text} …\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
