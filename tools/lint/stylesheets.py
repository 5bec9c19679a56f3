"""Stylesheets are as their formatter writes them, in lines that can be reviewed.

    python -m tools.lint.stylesheets            say which are not; exit 1 on any
    python -m tools.lint.stylesheets --write    write them
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cssbeautifier

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "platform/design/static/design/css"
# What a review shows of a line beside the one before it.
MOST = 100


def formatted(text: str) -> str:
    """Return a stylesheet with one declaration on a line."""
    options = cssbeautifier.default_options()
    options.indent_size = 2
    options.end_with_newline = True
    options.newline_between_rules = True
    options.space_around_combinator = True
    # A file that ends lines as Windows does is none of ours.
    options.eol = "\n"
    return str(cssbeautifier.beautify(text, options))


def complaints(path: Path) -> Iterator[str]:
    """Yield what is wrong with one file."""
    text = path.read_text()
    if formatted(text) != text:
        yield f"{path}: not formatted; make format writes it"
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > MOST:
            yield f"{path}:{number}: {len(line)} characters, at most {MOST}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    files = sorted(options.folder.rglob("*.css"))
    if options.write:
        for path in files:
            path.write_text(formatted(path.read_text()))
    found = [complaint for path in files for complaint in complaints(path)]
    print("\n".join([*found, f"{len(files)} stylesheets, {len(found)} complaints"]))
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
