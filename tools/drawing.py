"""The drawing of the rooms in ``ARCHITECTURE.md``, made from the imports.

python -m tools.drawing     draw it anew and print how large each room is

A room stands on every room it imports, for type checking too. An import that points
up, or two rooms that import each other, cannot be drawn: that is an error.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "ARCHITECTURE.md"
BLOCK = re.compile(r"<!-- drawing -->.*<!-- end of drawing -->", re.DOTALL)
# The roof puts everything together: it may know every room, and none knows it.
ROOF = ("config", "operations", "demo", "embedded")
AREAS = ("community", "inference", "billing")
# The width of the text around it.
WIDTH = 78

Needs = Mapping[str, set[str]]


class NotDrawable(Exception):
    """An import points up, or some rooms stand on each other."""


def foundation() -> list[str]:
    folders = (path.parent.name for path in ROOT.glob("platform/*/__init__.py"))
    return sorted({*folders} - {*ROOF})


def read_graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOF, *AREAS, *foundation(), cache_dir=None)


def read_needs(graph: grimp.ImportGraph, rooms: list[str]) -> dict[str, set[str]]:
    """Return for each room those of the others it imports itself."""
    return {
        room: {
            other
            for other in rooms
            if other != room
            and graph.direct_import_exists(
                importer=room, imported=other, as_packages=True
            )
        }
        for room in rooms
    }


def rows_of(needs: Needs) -> list[list[str]]:
    """Return the rooms in rows: each stands on rows below its own only.

    Raises ``NotDrawable`` for rooms that stand on each other.
    """
    left = {room: needed & needs.keys() for room, needed in needs.items()}
    rows: list[list[str]] = []
    while left:
        row = sorted(room for room in left if not left[room] & left.keys())
        if not row:
            raise NotDrawable(f"{', '.join(sorted(left))} stand on each other")
        rows.insert(0, row)
        left = {room: left[room] for room in left if room not in row}
    return rows


def check_parts(needs: Needs) -> None:
    """Raise ``NotDrawable`` for an import from a lower part into a higher one."""
    height = {**dict.fromkeys(needs, 0), **dict.fromkeys(AREAS, 1)}
    height |= dict.fromkeys(ROOF, 2)
    for room, needed in needs.items():
        for other in needed:
            is_sideways = room in AREAS and other in AREAS
            if is_sideways or height[other] > height[room]:
                raise NotDrawable(f"{room} must not import {other}")


def area_rows(graph: grimp.ImportGraph, area: str) -> list[list[str]]:
    """Return the apps of an area in rows, as ``rows_of`` does the rooms."""
    apps = [name for name in graph.find_children(area) if graph.find_children(name)]
    rows = rows_of(read_needs(graph, sorted(apps)))
    return [[app.removeprefix(f"{area}.") for app in row] for row in rows]


def draw(graph: grimp.ImportGraph) -> str:
    """Return the drawing: the roof, the areas and their apps, and what is below them.

    Raises ``NotDrawable``.
    """
    needs = read_needs(graph, [*ROOF, *AREAS, *foundation()])
    check_parts(needs)
    roof = rows_of({room: needs[room] for room in ROOF})
    below = rows_of({room: needs[room] for room in foundation()})
    width = WIDTH // len(AREAS) - 2
    areas = [
        [area.upper(), *(line for row in rows for line in lines_of(row, width))]
        for area, rows in ((area, area_rows(graph, area)) for area in AREAS)
    ]
    lines = [
        *_boxes("roof", [[[" · ".join(row)]] for row in roof]),
        *_boxes("areas", [areas]),
        *_boxes("foundation", [[[" · ".join(row)]] for row in below]),
    ]
    return "\n".join(lines)


def lines_of(row: list[str], width: int) -> Iterator[str]:
    """Yield a row of names, in more lines where it is wider: a dot says it goes on."""
    line = row[0]
    for name in row[1:]:
        if len(f"{line} · {name} ·") > width:
            yield f"{line} ·"
            line = name
        else:
            line = f"{line} · {name}"
    yield line


def _boxes(title: str, rows: list[list[list[str]]]) -> Iterator[str]:
    """Yield the lines of one part: rows of cells of lines, under its title."""
    yield f"┌─ {title} ".ljust(WIDTH - 1, "─") + "┐"
    for number, cells in enumerate(rows):
        if number:
            yield f"├{'─' * (WIDTH - 2)}┤"
        inside = WIDTH - 2 - (len(cells) - 1)
        widths = [inside // len(cells)] * len(cells)
        widths[-1] += inside - sum(widths)
        for line in range(max(map(len, cells))):
            texts = [cell[line] if line < len(cell) else "" for cell in cells]
            yield f"│{'│'.join(map(str.center, texts, widths))}│"
    yield f"└{'─' * (WIDTH - 2)}┘"


def complaints() -> Iterator[str]:
    """Yield what ``make lint`` says: what cannot be drawn, or has changed since."""
    try:
        drawing = draw(read_graph())
    except NotDrawable as no:
        yield f"ARCHITECTURE.md: {no}"
        return
    if _with(drawing) != PAGE.read_text():
        yield "ARCHITECTURE.md: the drawing is of another tree; make drawing renews it"


def _with(drawing: str) -> str:
    block = f"<!-- drawing -->\n```text\n{drawing}\n```\n<!-- end of drawing -->"
    return BLOCK.sub(lambda _: block, PAGE.read_text())


def sizes() -> Iterator[tuple[str, int]]:
    """Yield each room with its lines of Python, without migrations."""
    for room in (*ROOF, *AREAS, *foundation()):
        folder = ROOT / room if room in AREAS else ROOT / "platform" / room
        files = (
            path for path in folder.rglob("*.py") if path.parts[-2] != "migrations"
        )
        yield room, sum(len(path.read_text().splitlines()) for path in files)


def main() -> int:
    try:
        PAGE.write_text(_with(draw(read_graph())))
    except NotDrawable as no:
        print(f"{no}: nothing was drawn.", file=sys.stderr)
        return 1
    rooms = dict(sizes())
    for room, lines in {**rooms, "in all": sum(rooms.values())}.items():
        print(f"{lines:7}  {room}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
