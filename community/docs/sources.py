"""Reading a folder of Markdown: front matter, order, links and sections."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~)")
_HEADING = re.compile(r"^(#{1,4})\s+(.*?)\s*#*$")


class SourceError(Exception):
    """Something in the folder is not right; the message names file and line."""


@dataclass(slots=True)
class Source:
    """One Markdown file. ``path`` is its address, ``index`` of a folder is the folder."""

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
    """Return the pages of a folder in reading order. Raises ``SourceError``."""
    files = sorted(root.rglob("*.md"))
    if not files:
        raise SourceError(f"{root} holds no Markdown file.")
    sources = {source.path: source for source in (_read(root, file) for file in files)}
    ordered = list(_walk(sources, ""))
    for position, source in enumerate(ordered):
        source.position = position
    return ordered


def broken_links(sources: list[Source]) -> list[str]:
    """Return every link to a page that is not there, as ``file:line: target``."""
    paths = {source.path for source in sources}
    return [
        f"{source.file}:{number}: {target}"
        for source in sources
        for number, target in _links(source)
        if _is_page(target) and _resolve(source, target) not in paths
    ]


def with_site_links(source: Source, version: str) -> str:
    """Return the Markdown with links between files turned into addresses."""

    def replace(match: re.Match[str]) -> str:
        text, target = match.groups()
        if not _is_page(target):
            return match.group(0)
        anchor = target.partition("#")[2]
        address = f"/docs/{version}/{_resolve(source, target)}/"
        return f"[{text}]({address}{'#' + anchor if anchor else ''})"

    return _LINK.sub(replace, source.body)


def sections(title: str, body: str, anchors: list[tuple[str, str]]) -> list[Section]:
    """Cut a page at its headings; ``anchors`` are (text, id) in order."""
    remaining = iter(anchors)
    parts = [Section(title, "")]
    in_code = False
    for line in body.splitlines():
        if _FENCE.match(line):
            in_code = not in_code
        heading = None if in_code else _HEADING.match(line)
        if heading:
            text, anchor = next(remaining, (heading.group(2), ""))
            parts.append(Section(text, anchor))
        else:
            parts[-1].lines.append(line)
    return [part for part in parts if part.text]


def readable(text: str) -> str:
    """Return Markdown as prose for search: links as their text, no marks, code kept."""
    text = _LINK.sub(r"\1", text)
    lines = []
    in_code = False
    for line in text.splitlines():
        if _FENCE.match(line):
            in_code = not in_code
            lines.append(line)
            continue
        if in_code:
            lines.append(line)
            continue
        if re.fullmatch(r"\s*\|?[\s:|-]+\|?\s*", line) and "-" in line:
            continue
        line = re.sub(r"^\s*(?:[-*+]|\d+\.)\s+", "", line)
        line = re.sub(r"[*_`]{1,3}", "", line).replace("|", " ").strip("> ")
        lines.append(line)
    return "\n".join(lines).strip()


def _read(root: Path, file: Path) -> Source:
    text = file.read_text(encoding="utf-8")
    match = _FRONT.match(text)
    if match is None:
        raise SourceError(
            f"{file}:1: begin with front matter: --- title: … order: … ---"
        )
    values = dict(_front_matter(file, match.group(1)))
    if "title" not in values:
        raise SourceError(f"{file}:1: the front matter names no title.")
    parts = list(file.relative_to(root).with_suffix("").parts)
    if parts[-1] == "index":
        parts.pop()
    return Source(
        file=file,
        path="/".join(parts) or "index",
        parent="/".join(parts[:-1]),
        title=values["title"],
        description=values.get("description", ""),
        order=int(values.get("order", "100")),
        body=text[match.end() :],
        first_line=text[: match.end()].count("\n") + 1,
    )


def _front_matter(file: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=2):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise SourceError(f"{file}:{number}: expected `name: value`.")
        if name.strip() == "order" and not value.strip().isdigit():
            raise SourceError(f"{file}:{number}: order has to be a whole number.")
        yield name.strip(), value.strip().strip("\"'")


def _walk(sources: dict[str, Source], parent: str) -> Iterator[Source]:
    children = [s for s in sources.values() if s.parent == parent]
    for source in sorted(children, key=lambda s: (s.order, s.path)):
        yield source
        if source.path != "index":
            yield from _walk(sources, source.path)


def _links(source: Source) -> Iterator[tuple[int, str]]:
    in_code = False
    for number, line in enumerate(source.body.splitlines(), start=source.first_line):
        if _FENCE.match(line):
            in_code = not in_code
        if not in_code:
            for match in _LINK.finditer(line):
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
