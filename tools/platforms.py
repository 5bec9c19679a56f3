"""Asks the package index whether every platform we name has a wheel of all we run.

    make platforms                    # all of them, some minutes and 2 GB of downloads
    make platforms ARGS="linux-arm64 3.13"

Nothing is installed and nothing is run: it says what could be installed, no more. Which
platforms were really run is in README's first lines and docs/decisions/0024.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13")
# The oldest systems we promise: glibc 2.28 is Debian 10's, macOS 13 the oldest that
# llama.cpp's wheel names. They take what was made for older ones, too.
LINUX = ("2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
MACS = range(13, 10, -1)
PLATFORMS = {
    "linux-x86_64": ("linux", "x86_64"),
    "linux-arm64": ("linux", "aarch64"),
    "macos-x86_64": ("darwin", "x86_64"),
    "macos-arm64": ("darwin", "arm64"),
}
GROUPS = ("base", "embedded", "bundled")


def main(arguments: list[str]) -> int:
    """Print a line for each platform and version; end with 1 for a missing wheel."""
    platforms = [name for name in PLATFORMS if name in arguments] or list(PLATFORMS)
    versions = [each for each in VERSIONS if each in arguments] or list(VERSIONS)
    failed = 0
    for platform in platforms:
        for version in versions:
            trouble = lacking(platform, version)
            failed += bool(trouble)
            print(f"{platform:<13} {version:<5} {trouble or 'every wheel is there'}")
    return 1 if failed else 0


def lacking(platform: str, version: str) -> str:
    """Return what pip says is not there for a platform, or nothing."""
    system, machine = PLATFORMS[platform]
    wanted = pins(system, machine, version)
    missing: list[str] = []
    while True:
        said = downloaded(wanted, tags(system, machine), version)
        if not said:
            return f"no wheel of {', '.join(missing)}" if missing else ""
        # pip stops at the first one; the others are of interest as well.
        found = re.search(r"No matching distribution found for (\S+?)==", said)
        if not found:
            return said.strip()[-300:]
        missing.append(found[1])
        wanted = [pin for pin in wanted if not pin.startswith(f"{found[1]}==")]


def downloaded(wanted: list[str], tags: list[str], version: str) -> str:
    """Download wheels and forget them; return what pip complains about, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "pinned.txt"
        pinned.write_text("\n".join(wanted))
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--require-hashes", "--only-binary=:all:", "--python-version", version),
            *("--implementation", "cp", "--dest", folder, "-r", str(pinned)),
            *(f"--platform={tag}" for tag in tags),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def tags(system: str, machine: str) -> list[str]:
    """Return the tags of wheels that such a machine takes."""
    if system == "linux":
        named = [f"manylinux{year}_{machine}" for year in ("2014", "2010", "1")]
        return [f"manylinux_{glibc}_{machine}" for glibc in LINUX] + named
    kinds = (machine, "universal2")
    recent = [f"macosx_{major}_0_{kind}" for major in MACS for kind in kinds]
    older = [
        f"macosx_10_{minor}_{kind}" for minor in range(15, 8, -1) for kind in kinds
    ]
    return recent + older


def pins(system: str, machine: str, version: str) -> list[str]:
    """Return the pinned lines, with hashes, that hold on a platform.

    pip reads their conditions for the machine it runs on, so they are read here.
    """
    where = {
        "sys_platform": system,
        "platform_machine": machine,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_version": version,
        "python_full_version": f"{version}.0",
        "extra": "",
    }
    kept: dict[str, str] = {}
    for group in GROUPS:
        text = (ROOT / "requirements" / f"{group}.txt").read_text()
        for line in text.replace("\\\n", " ").splitlines():
            if not line.strip() or line.startswith(("#", " ")):
                continue
            pin, *hashes = line.split(" --hash=")
            requirement = Requirement(pin)
            if requirement.marker and not requirement.marker.evaluate(where):
                continue
            marks = " ".join(f"--hash={each.strip()}" for each in hashes)
            kept[requirement.name] = (
                f"{requirement.name}{requirement.specifier} {marks}"
            )
    return list(kept.values())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
