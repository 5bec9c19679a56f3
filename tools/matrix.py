"""``make matrix``: the tests on the oldest and the newest of what is supported.

Every Python that is supported and found here meets the oldest and the newest
PostgreSQL found here, each pair in a fresh clone of the last commit. A pair takes as
long as ``make test``; what follows goes to pytest:

    make matrix ARGS="tests/billing"
    make matrix ARGS="--pair python3.13-postgres15"     only this one

``.github/workflows/checks.yml`` runs the oldest and the newest Python on every change.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "var" / "matrix"
# Those of README.
PYTHONS = ("3.11", "3.12", "3.13")
OLDEST_POSTGRES = 15


@dataclass(frozen=True)
class Pair:
    python: Path
    version: str
    postgres: str

    @property
    def name(self) -> str:
        return f"python{self.version}-postgres{self.postgres}"


def main(arguments: list[str]) -> int:
    absent = [*missing()]
    parser = argparse.ArgumentParser(prog="make matrix")
    parser.add_argument("--pair", choices=[pair.name for pair in pairs()])
    asked, rest = parser.parse_known_args(arguments)
    chosen = [pair for pair in pairs() if asked.pair in {None, pair.name}]
    results = {pair.name: test(pair, rest) for pair in chosen}
    for name, code in results.items():
        print(f"{'passed' if code == 0 else f'failed ({code})':12}{name}")
    print(*absent, sep="\n")
    return max(results.values(), default=1)


def test(pair: Pair, arguments: list[str]) -> int:
    """Run the tests of a fresh clone and return the exit code."""
    clone = FOLDER / pair.name
    shutil.rmtree(clone, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    print(f"== {pair.name}", flush=True)
    return subprocess.run(
        ["make", "test", f"PYTHON={pair.python}", f"ARGS={' '.join(arguments)}"],
        cwd=clone,
        env={**os.environ, "POSTGRES_VERSION": pair.postgres},
        check=False,
    ).returncode


def pairs() -> Iterator[Pair]:
    """Yield each Python with the oldest and the newest PostgreSQL there is."""
    versions = postgres_versions()
    for version, python in pythons().items():
        for postgres in sorted({versions[0], versions[-1]}):
            yield Pair(python, version, str(postgres))


def pythons() -> dict[str, Path]:
    """Return the supported Pythons that are here, pyenv's too, by version."""
    found = {}
    for version in PYTHONS:
        at_hand = shutil.which(f"python{version}")
        kept = sorted(
            (Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python3")
        )
        candidates = [*([Path(at_hand)] if at_hand else []), *kept]
        for candidate in candidates:
            if _version(candidate) == version:
                found[version] = candidate
                break
    return found


def _version(python: Path) -> str:
    said = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip()


def postgres_versions() -> list[int]:
    """Return the major versions of PostgreSQL that are here, the oldest first."""
    sys.path.insert(0, str(ROOT / "platform"))
    from embedded.postgres import find_all_binaries, major_version

    found = {major_version(folder) for folder in find_all_binaries()}
    return sorted(version for version in found if version >= OLDEST_POSTGRES)


def missing() -> Iterator[str]:
    for version in PYTHONS:
        if version not in pythons():
            yield f"not run     Python {version}: it is not on this machine"
    if OLDEST_POSTGRES not in postgres_versions():
        yield f"not run     PostgreSQL {OLDEST_POSTGRES}: it is not on this machine"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
