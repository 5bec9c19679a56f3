"""Stylesheets are as their formatter writes them, in lines that can be reviewed.

python -m tools.lint.stylesheets     write them so
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cssbeautifier

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "platform/design/static/design/css"
# Those of programs that stand apart have colours of their own.
APART = (
    ROOT / "platform/embedded/mailbox",
    ROOT / "tools/stripe-emulator/src/stripe_emulator/static",
)
# What a review shows of a line beside the one before it.
MOST = 100
# Where colours are made; everywhere else they have a name.
TOKENS = "tokens.css"
NAMED = """
    aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue
    blueviolet brown burlywood cadetblue chartreuse chocolate coral cornflowerblue
    cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray darkgreen darkgrey
    darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon
    darkseagreen darkslateblue darkslategray darkslategrey darkturquoise darkviolet
    deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite forestgreen
    fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew
    hotpink indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon
    lightblue lightcoral lightcyan lightgoldenrodyellow lightgray lightgreen lightgrey
    lightpink lightsalmon lightseagreen lightskyblue lightslategray lightslategrey
    lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine
    mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue
    mediumspringgreen mediumturquoise mediumvioletred midnightblue mintcream mistyrose
    moccasin navajowhite navy oldlace olive olivedrab orange orangered orchid
    palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink
    plum powderblue purple rebeccapurple red rosybrown royalblue saddlebrown salmon
    sandybrown seagreen seashell sienna silver skyblue slateblue slategray slategrey
    snow springgreen steelblue tan teal thistle tomato turquoise violet wheat white
    whitesmoke yellow yellowgreen
"""
# CSS Color 4 has these functions, and the names above.
RAW = re.compile(
    r"(?<![\w-])(?:#[0-9a-f]{3,8}"
    r"|(?:rgba?|hsla?|hwb|(?:ok)?l(?:ab|ch)|color|color-mix|light-dark)\()"
    rf"|:[^;]*(?<![\w-])(?:{'|'.join(NAMED.split())})(?![\w(-])[^;]*;$",
    re.IGNORECASE,
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


def complaints(folder: Path = FOLDER, apart: Sequence[Path] = APART) -> Iterator[str]:
    for place in (folder, *apart):
        for path in sorted(place.rglob("*.css")):
            yield from _hard_to_read(path, str(path.relative_to(place)))
    for path in sorted(folder.rglob("*.css")):
        name = path.relative_to(folder)
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if path.name != TOKENS and RAW.search(line):
                yield f"{name}:{number}: a colour of its own; {TOKENS} names them"
            if "prefers-color-scheme" in line:
                yield f"{name}:{number}: light-dark() in {TOKENS} says both palettes"


def _hard_to_read(path: Path, name: str) -> Iterator[str]:
    text = path.read_text()
    if formatted(text) != text:
        yield f"{name}: not formatted; make format writes it"
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > MOST:
            yield f"{name}:{number}: {len(line)} characters, at most {MOST}"


def write(*folders: Path) -> None:
    """Format every stylesheet in place."""
    for folder in folders or (FOLDER, *APART):
        for path in folder.rglob("*.css"):
            path.write_text(formatted(path.read_text()))


if __name__ == "__main__":
    write()
