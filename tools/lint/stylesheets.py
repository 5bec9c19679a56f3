"""Stylesheets are as their formatter writes them, in lines that can be reviewed.

python -m tools.lint.stylesheets     write them so
"""

import re
from collections.abc import Iterator
from pathlib import Path

import cssbeautifier

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "platform/design/static/design/css"
# What a review shows of a line beside the one before it.
MOST = 100
# Where colours are made; everywhere else they have a name.
TOKENS = "tokens.css"
RAW = re.compile(
    r"(?<![\w-])(?:#[0-9a-f]{3,8}|(?:rgba?|hsla?|oklch|color-mix)\()", re.IGNORECASE
)


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
            if path.name != TOKENS and RAW.search(line):
                yield f"{name}:{number}: a colour of its own; {TOKENS} names them"
            if "prefers-color-scheme" in line:
                yield f"{name}:{number}: light-dark() in {TOKENS} says both palettes"


def write(folder: Path = FOLDER) -> None:
    """Format every stylesheet in place."""
    for path in folder.rglob("*.css"):
        path.write_text(formatted(path.read_text()))


if __name__ == "__main__":
    write()
