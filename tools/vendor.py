"""Checks the vendored front-end files, or fetches them again with npm.

    python tools/vendor.py            check every hash; exit 1 on a difference
    python tools/vendor.py --refresh  npm pack each package, copy, build the icon
                                      sprite, write the new hashes and THIRD_PARTY.md

npm is needed for --refresh alone: nothing of it is used to set up or to run.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "platform" / "design" / "static" / "vendor"
LIST = VENDOR / "vendor.json"
NOTICE = ROOT / "THIRD_PARTY.md"
SPRITE = "lucide/icons.svg"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def differences() -> list[str]:
    """Return one sentence per file that is missing, changed or not listed."""
    listed: dict[str, str] = {}
    for package in json.loads(LIST.read_text())["packages"]:
        listed |= package["files"]
    present = {
        str(path.relative_to(VENDOR))
        for path in VENDOR.rglob("*")
        if path.is_file() and path != LIST
    }
    problems = [f"{name} is missing" for name in sorted(listed.keys() - present)]
    problems += [f"{name} is not listed" for name in sorted(present - listed.keys())]
    problems += [
        f"{name} has changed"
        for name in sorted(listed.keys() & present)
        if sha256(VENDOR / name) != listed[name]
    ]
    return problems


def refresh() -> None:
    """Fetch every listed version again and record what came."""
    data: dict[str, Any] = json.loads(LIST.read_text())
    for package in data["packages"]:
        with tempfile.TemporaryDirectory() as folder:
            source = fetch(package["name"], package["version"], Path(folder))
            target = VENDOR / package["folder"]
            target.mkdir(parents=True, exist_ok=True)
            for path in package["copies"]:
                # The source maps stay behind, so the line naming them has to go too.
                content = re.sub(
                    rb"\n//# sourceMappingURL=\S+\s*$",
                    b"\n",
                    (source / path).read_bytes(),
                )
                (target / Path(path).name).write_bytes(content)
            if "icons" in package:
                write_sprite(source / "icons", package["icons"])
        package["files"] = {
            str(path.relative_to(VENDOR)): sha256(path)
            for path in sorted((VENDOR / package["folder"]).iterdir())
        }
    LIST.write_text(json.dumps(data, indent=2) + "\n")
    NOTICE.write_text(notice(data))


def fetch(name: str, version: str, folder: Path) -> Path:
    """Download one package into ``folder`` and return its root."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"{name}@{version}"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    with tarfile.open(folder / packed.stdout.strip()) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def write_sprite(icons: Path, names: list[str]) -> None:
    """Put the drawing of each named icon into one file, as symbols."""
    symbols = []
    for name in sorted(names):
        drawing = (icons / f"{name}.svg").read_text()
        body = drawing[drawing.index(">", drawing.index("<svg")) + 1 :]
        body = " ".join(body.replace("</svg>", "").split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    (VENDOR / SPRITE).write_text(
        '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    )


def notice(data: dict[str, Any]) -> str:
    """Return the text of THIRD_PARTY.md."""
    lines = [
        "# Third-party files in this repository",
        "",
        "Python packages are named with their hashes in `requirements/`. These files are copies,",
        "served to the browser as they are; `python tools/vendor.py` checks them.",
        "",
        "| Package | Version | Licence | Files |",
        "|---|---|---|---|",
    ]
    for package in data["packages"]:
        files = ", ".join(f"`{name}`" for name in package["files"])
        lines.append(
            f"| {package['name']} | {package['version']} | {package['licence']} | {files} |"
        )
    lines += ["", "Each folder holds the licence text of its package.", ""]
    for adapted in data["adapted"]:
        lines += [
            f"## {adapted['name']} {adapted['version']} ({adapted['licence']})",
            "",
        ]
        lines += [adapted["text"], "", "```text", *adapted["notice"], "```", ""]
    return "\n".join([*lines, *data["wheels"], ""])


def main() -> int:
    parser = argparse.ArgumentParser(description="Vendored front-end files.")
    parser.add_argument("--refresh", action="store_true", help="fetch them with npm")
    if parser.parse_args().refresh:
        refresh()
    problems = differences()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
