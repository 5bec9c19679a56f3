"""Reading a folder of Markdown: front matter, order, links and sections."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.reading import whole_number

_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
_CODE_SPAN = re.compile(r"(`+)(?:(?!`).)+?\1(?!`)")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_EMPHASIS = re.compile(
    r"(\*{1,3})(?=\S)(.+?)(?<=\S)\1|(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\3(?!\w)"
)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
_HAN_END = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]$")
_HAN_START = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
_HEADING = re.compile(r"^(#{1,4})\s+(.*?)\s*#*$")

# A row of cells this short compares its columns.
_SHORT = 12


# What the database can hold and an address can say.
MAX_TITLE = 200
# Twice what a search engine shows of it.
MAX_DESCRIPTION = 300
# As long as the column: three folders and a page have room.
MAX_PATH = 200
# Nine digits fit into an integer column.
MAX_ORDER = 9
# ``#``, ``?`` and the like would end the address or begin another one.
_ADDRESS = re.compile(r"[\w][\w.~-]*")


class SourceError(Exception):
    """Things in the folder are not right; each line names file and line."""

    def __init__(self, *findings: str) -> None:
        self.findings = findings
        super().__init__("\n".join(findings))


@dataclass(slots=True)
class Source:
    """One Markdown file; ``path`` is its address, that of an ``index`` its folder's."""

    file: Path
    path: str
    parent: str
    title: str
    description: str
    order: int
    body: str
    first_line: int = 1
    position: int = 0


@dataclass(slots=True)
class Section:
    """The text under one heading, for search and for the assistant."""

    heading: str
    anchor: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


def read_folder(root: Path) -> list[Source]:
    """Return the pages of a folder in reading order.

    Raises ``SourceError`` with everything that is wrong, not only the first thing.
    """
    files = sorted(root.rglob("*.md"))
    if not files:
        raise SourceError(f"{root} holds no Markdown file.")
    findings: list[str] = []
    sources: dict[str, Source] = {}
    for file in files:
        try:
            source = _read(root, file)
        except SourceError as error:
            findings += error.findings
            continue
        if source.path in sources:
            other = sources[source.path].file
            findings.append(f"{file}:1: {other} is the same page; keep one of them.")
        sources.setdefault(source.path, source)
    homeless = (
        []
        if findings
        else [
            f"{source.file}:1: the folder has no page of its own; "
            f"write {source.file.parent / 'index.md'}."
            for source in sources.values()
            if source.parent and source.parent not in sources
        ]
    )
    if findings or homeless:
        raise SourceError(*findings, *homeless)
    ordered = list(_walk(sources, ""))
    for position, source in enumerate(ordered):
        source.position = position
    return ordered


def broken_links(
    sources: list[Source], anchors_of: Callable[[Source], set[str]]
) -> list[str]:
    """Return every link to a page or a section that is not there.

    Each as ``file:line: target``. ``anchors_of`` names a page's sections; it is
    asked only for pages whose sections are linked to.
    """
    pages = {source.path: source for source in sources}
    anchors: dict[str, set[str]] = {}
    broken = []
    for source in sources:
        for number, target in _links(source):
            file, _, anchor = target.partition("#")
            if not _is_page(target) and (file or not anchor):
                continue
            path = _resolve(source, target) if file else source.path
            found = pages.get(path)
            if found and anchor and path not in anchors:
                anchors[path] = anchors_of(found)
            if found is None or (anchor and anchor not in anchors[path]):
                broken.append(f"{source.file}:{number}: {target}")
    return broken


def with_site_links(source: Source, version: str) -> str:
    """Return the Markdown with links between files turned into addresses."""

    def replace(match: re.Match[str]) -> str:
        text, target = match.groups()
        if not _is_page(target):
            return match.group(0)
        anchor = target.partition("#")[2]
        address = f"/docs/{version}/{_resolve(source, target)}/"
        return f"[{text}]({address}{'#' + anchor if anchor else ''})"

    return "".join(
        line if is_code else _outside_code_spans(line, replace)
        for line, is_code in _lines(source.body)
    )


def sections(title: str, body: str, anchors: list[tuple[str, str]]) -> list[Section]:
    """Cut a page at its headings; ``anchors`` are (text, id) in order."""
    remaining = iter(anchors)
    parts = [Section(title, "")]
    for line, is_code in _lines(body):
        heading = None if is_code else _HEADING.match(line.rstrip("\n"))
        if heading:
            text, anchor = next(remaining, (heading.group(2), ""))
            parts.append(Section(text, anchor))
        else:
            parts[-1].lines.append(line.rstrip("\n"))
    return [part for part in parts if part.text]


def readable(text: str) -> str:
    """Return Markdown as prose for search: links as their text, no marks, code kept."""
    kept: list[str] = []
    goes_on = False
    columns: list[str] = []
    for line, is_code in _lines(text):
        line = line.rstrip("\n")
        if is_code:
            kept.append(line)
            goes_on = False
            continue
        if re.fullmatch(r"\s*\|?[\s:|-]+\|?\s*", line) and "-" in line:
            continue
        if line.startswith("|"):
            cells = [_without_marks(cell.strip()) for cell in line[1:-1].split("|")]
            if columns:
                kept.append(_row(columns, cells))
            columns = columns or cells
            goes_on = False
            continue
        columns = []
        is_new = bool(_ITEM.match(line))
        line = re.sub(r"^\s*(?:>\s?)+", "", _ITEM.sub("", line)).strip()
        line = _without_marks(line)
        if goes_on and line and not is_new:
            # Lines of one paragraph are one line; Chinese joins without a space.
            joint = "" if _HAN_END.search(kept[-1]) and _HAN_START.match(line) else " "
            kept[-1] += joint + line
        else:
            kept.append(line)
        goes_on = bool(line)
    return "\n".join(kept).strip()


def _row(columns: list[str], cells: list[str]) -> str:
    """Return a table's row as a line; columns are named where rows compare them."""
    first, *rest = cells
    is_comparison = not columns[0] or (
        len(rest) > 2 and all(len(cell) <= _SHORT for cell in rest)
    )
    if not is_comparison:
        told = " – ".join(filter(None, (cell.rstrip("。.") for cell in rest)))
    else:
        named = zip(columns[1:], rest, strict=False)
        told = ", ".join(f"{name} {cell}" for name, cell in named if cell)
    colon = "：" if _HAN_END.search(first) else ": "
    return colon.join(filter(None, (first, told)))


def _without_marks(line: str) -> str:
    """Take links and emphasis off a line; what is in code spans stays as it is."""
    line = _outside_code_spans(line, lambda link: link.group(1))
    parts = []
    position = 0
    for span in _CODE_SPAN.finditer(line):
        parts.append(_plain(line[position : span.start()]))
        parts.append(span.group().strip("`").strip())
        position = span.end()
    parts.append(_plain(line[position:]))
    return "".join(parts)


def _plain(text: str) -> str:
    return _EMPHASIS.sub(lambda found: found.group(2) or found.group(4), text)


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line, its end included, and whether it belongs to a code block."""
    fence = ""
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence:
            yield line, True
            # Only a fence of the same sign and at least the same length closes.
            if (
                found
                and found.group(1).startswith(fence)
                and not line.strip().strip(fence[0])
            ):
                fence = ""
            continue
        if found:
            fence = found.group(1)
        yield line, bool(found)


def _outside_code_spans(line: str, replace: Callable[[re.Match[str]], str]) -> str:
    spans = [span.span() for span in _CODE_SPAN.finditer(line)]

    def checked(match: re.Match[str]) -> str:
        if any(start <= match.start() < end for start, end in spans):
            return match.group(0)
        return replace(match)

    return _LINK.sub(checked, line)


def _read(root: Path, file: Path) -> Source:
    try:
        # A byte order mark is no text.
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}:1: this is not a text in UTF-8.") from error
    findings = [
        f"{file}:{number}: a character that cannot be stored (NUL)."
        for number, line in enumerate(text.splitlines(), start=1)
        if "\0" in line
    ]
    match = _FRONT.match(text)
    if match is None:
        raise SourceError(
            *findings, f"{file}:1: begin with front matter: --- title: … order: … ---"
        )
    values, wrong = _front_matter(file, match.group(1))
    parts = list(file.relative_to(root).with_suffix("").parts)
    findings += [
        f"{file}:1: “{part}” cannot be part of an address; use letters, digits,"
        " hyphens, underscores and full stops."
        for part in parts
        if not _ADDRESS.fullmatch(part)
    ]
    if parts[-1] == "index":
        parts.pop()
    path = "/".join(parts) or "index"
    if len(path) > MAX_PATH:
        findings.append(f"{file}:1: its address is longer than {MAX_PATH} characters.")
    if findings or wrong:
        raise SourceError(*findings, *wrong)
    return Source(
        file=file,
        path=path,
        parent="/".join(parts[:-1]),
        title=values["title"],
        description=values.get("description", ""),
        order=int(values.get("order", "100")),
        body=text[match.end() :],
        first_line=text[: match.end()].count("\n") + 1,
    )


def _front_matter(file: Path, text: str) -> tuple[dict[str, str], list[str]]:
    """Return what the front matter says, and everything that is wrong with it."""
    values: dict[str, str] = {}
    wrong = []
    limits = {"title": MAX_TITLE, "description": MAX_DESCRIPTION, "order": MAX_ORDER}
    for number, line in enumerate(text.splitlines(), start=2):
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        value = value.strip("\"'")
        if not colon:
            wrong.append(f"{file}:{number}: expected `name: value`.")
        elif name == "order" and whole_number(value) is None:
            wrong.append(f"{file}:{number}: order has to be a whole number.")
        elif len(value) > limits.get(name, len(value)):
            wrong.append(
                f"{file}:{number}: {name} has {len(value)} characters;"
                f" {limits[name]} are the most."
            )
        values[name] = value
    if not values.get("title"):
        wrong.append(f"{file}:1: the front matter names no title.")
    return values, wrong


def _walk(sources: dict[str, Source], parent: str) -> Iterator[Source]:
    children = [s for s in sources.values() if s.parent == parent]
    for source in sorted(children, key=lambda s: (s.order, s.path)):
        yield source
        if source.path != "index":
            yield from _walk(sources, source.path)


def _links(source: Source) -> Iterator[tuple[int, str]]:
    lines = enumerate(_lines(source.body), start=source.first_line)
    for number, (line, is_code) in lines:
        if is_code:
            continue
        spans = [span.span() for span in _CODE_SPAN.finditer(line)]
        for match in _LINK.finditer(line):
            if not any(start <= match.start() < end for start, end in spans):
                yield number, match.group(2)


def _is_page(target: str) -> bool:
    return target.partition("#")[0].endswith(".md")


def _resolve(source: Source, target: str) -> str:
    folder = source.path if source.file.name == "index.md" else source.parent
    parts = [] if folder == "index" else [part for part in folder.split("/") if part]
    for part in target.partition("#")[0].removesuffix(".md").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {".", ""}:
            parts.append(part)
    if parts and parts[-1] == "index":
        parts.pop()
    return "/".join(parts) or "index"
