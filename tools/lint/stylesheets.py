"""Stylesheets are as their formatter writes them, in lines that can be reviewed.

python -m tools.lint.stylesheets     write them so
"""

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


def complaints(folder: Path = FOLDER) -> Iterator[str]:
    for path in sorted(folder.rglob("*.css")):
        text = path.read_text()
        name = path.relative_to(folder)
        if formatted(text) != text:
            yield f"{name}: not formatted; make format writes it"
        for number, line in enumerate(text.splitlines(), start=1):
            if len(line) > MOST:
                yield f"{name}:{number}: {len(line)} characters, at most {MOST}"


def write(folder: Path = FOLDER) -> None:
    """Format every stylesheet in place."""
    for path in folder.rglob("*.css"):
        path.write_text(formatted(path.read_text()))


if __name__ == "__main__":
    write()
