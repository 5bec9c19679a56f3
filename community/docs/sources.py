"""Reading a folder of Markdown: front matter, order and links."""

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from unicodedata import category, normalize
from urllib.parse import unquote, urlsplit

import yaml

from community.docs import asked
from core.reading import whole_number
from design import markdown

_FRONT = re.compile(
    r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_TITLE_LINE = re.compile(
    r"\A\s*#[ \t]+(?P<atx>[^\n]+?)[ \t]*#*[ \t]*(?:\n|\Z)"
    r"|\A\s*(?P<setext>[^\n]+)\n=+[ \t]*(?:\n|\Z)"
)
# What other systems call the place of a page among its neighbours.
_ORDERS = ("order", "sidebar_position", "nav_order", "weight")
# How other systems name the addresses a page had before.
_FORMERLY = ("redirect_from", "aliases")
_SUFFIXES = (".md", ".mdx", ".markdown")
# A folder's own page.
_INDEXES = ("index", "readme")
# How YAML writes that there is no value.
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
# What the database can hold and an address can say.
MAX_TITLE = 200
# Twice what a search engine shows of it.
MAX_DESCRIPTION = 300
# As long as the column: three folders and a page have room.
MAX_PATH = 200
# Nine digits fit into an integer column.
MAX_ORDER = 9


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
    formerly: tuple[str, ...] = ()


def read_folder(root: Path) -> list[Source]:
    """Return the pages of a folder in reading order.

    Raises ``SourceError`` with everything that is wrong, not only the first thing.
    """
    files = sorted(
        file
        for file in root.rglob("*")
        if file.suffix.lower() in _SUFFIXES and not file.is_dir()
    )
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
    findings += _taken_addresses(sources)
    if findings:
        raise SourceError(*findings)
    for source in list(sources.values()):
        _give_folders_pages(root, source.parent, sources)
    ordered = list(_walk(sources, ""))
    for position, source in enumerate(ordered):
        source.position = position
    return ordered


def _taken_addresses(sources: dict[str, Source]) -> Iterator[str]:
    """Yield each former address that is a page, or that two pages claim."""
    claimed: dict[str, Source] = {}
    for source in sources.values():
        for path in source.formerly:
            other = sources.get(path) or claimed.setdefault(path, source)
            if other is not source or path in sources:
                yield f"{source.file}:1: {path} leads to {other.file} already."


def _give_folders_pages(root: Path, folder: str, sources: dict[str, Source]) -> None:
    """Give a folder without a page of its own one that lists what is in it."""
    while folder and folder not in sources:
        inside = sorted(
            (source for source in sources.values() if source.parent == folder),
            key=lambda source: (source.order, source.path),
        )
        file = root / folder / "index.md"
        sources[folder] = Source(
            file=file,
            path=folder,
            parent=folder.rpartition("/")[0],
            title=_name_of(file),
            description="",
            order=100,
            body="".join(
                f"- [{_escaped(each.title)}]({each.path.rpartition('/')[2]}.md)\n"
                for each in inside
            ),
        )
        folder = folder.rpartition("/")[0]


def _escaped(title: str) -> str:
    return re.sub(r"([\\\[\]*_`<])", r"\\\1", title)


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
        for link in markdown.links(source.body):
            target = _target(source, link.address, pages)
            if target is None:
                continue
            found = pages.get(target.path)
            if found and target.anchor and target.path not in anchors:
                anchors[target.path] = anchors_of(found)
            if found is None or (
                target.anchor and target.anchor not in anchors[target.path]
            ):
                number = source.first_line + link.line
                broken.append(f"{source.file}:{number}: {unquote(link.address)}")
    return broken


def with_site_links(source: Source, version: str, pages: Container[str]) -> str:
    """Return the Markdown with links between files turned into addresses."""

    def address_of(address: str) -> str | None:
        target = _target(source, address, pages)
        if target is None or address.startswith("#"):
            return None
        anchor = f"#{target.anchor}" if target.anchor else ""
        return f"/docs/{version}/{target.path}/{anchor}"

    return markdown.with_addresses(source.body, address_of)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a link leads inside the folder."""

    path: str
    anchor: str


def _target(source: Source, address: str, pages: Container[str]) -> _Target | None:
    """Return the page a link means, or ``None`` where it leads out of the folder.

    A name that ends in ``.md`` is a page, there or not; one without an ending is a
    page where there is one, as Docusaurus and Mintlify write it.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or parts.path.startswith("/") or parts.query:
        return None
    anchor = unquote(parts.fragment)
    if not parts.path:
        return _Target(source.path, anchor) if anchor else None
    path = unquote(parts.path)
    suffix = PurePosixPath(path).suffix.lower()
    resolved = _resolve(source, path)
    if suffix in _SUFFIXES or resolved in pages:
        return _Target(resolved, anchor)
    return None


def _text_of(root: Path, file: Path) -> str:
    """Return the text of a file in the folder, which its readers are meant to see.

    A link may lead to any file of this machine, and who sends a page need not be who
    publishes it. A pipe would be waited for.
    """
    if not file.is_file():
        raise SourceError(f"{file}:1: this is no file.")
    if not file.resolve().is_relative_to(root.resolve()):
        raise SourceError(f"{file}:1: this is a link to a file outside of {root}.")
    try:
        # A byte order mark is no text.
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}:1: this is not a text in UTF-8.") from error


def _read(root: Path, file: Path) -> Source:
    text = _text_of(root, file)
    findings = [
        f"{file}:{number}: a character that cannot be stored (NUL)."
        for number, line in enumerate(text.splitlines(), start=1)
        if "\0" in line
    ]
    match = _FRONT.match(text)
    body = text[match.end() :] if match else text
    first_line = (text[: match.end()].count("\n") if match else 0) + 1
    values, wrong = _front_matter(file, match.group(1) if match else "")
    titled = _TITLE_LINE.match(body)
    heading = (titled["atx"] or titled["setext"]).strip() if titled else ""
    title = values.get("title") or _words(heading) or _name_of(file)
    if titled and _words(heading) == title:
        # The page shows its title itself.
        first_line += body[: titled.end()].count("\n")
        body = body[titled.end() :]
    parts = [_address(part) for part in file.relative_to(root).with_suffix("").parts]
    findings += [
        f"{file}:1: “{name}” cannot be part of an address; use letters or digits."
        for name, part in zip(file.relative_to(root).parts, parts, strict=True)
        if not part
    ]
    if parts[-1].lower() in _INDEXES:
        parts.pop()
    path = "/".join(parts) or "index"
    if len(path) > MAX_PATH:
        findings.append(f"{file}:1: its address is longer than {MAX_PATH} characters.")
    if asked.WORD in body:
        findings += [
            f"{file}:{first_line + line}: {told}"
            for line, told in asked.findings(markdown.sections(body))
        ]
    formerly = [
        _former_path(each)
        for name in _FORMERLY
        for each in values.get(name, "").split("\n")
        if each
    ]
    findings += [
        f"{file}:1: a former address has no words, or more than {MAX_PATH} characters."
        for each in formerly
        if not 0 < len(each) <= MAX_PATH
    ]
    description = values.get("description", "")
    front = match.group(1) if match else ""
    findings += [
        f"{file}:{_line_of(front, name)}: {name} has {len(value)} characters;"
        f" {most} are the most."
        for name, value, most in (
            ("title", title, MAX_TITLE),
            ("description", description, MAX_DESCRIPTION),
        )
        if len(value) > most
    ]
    if findings or wrong:
        raise SourceError(*findings, *wrong)
    return Source(
        file=file,
        path=path,
        parent="/".join(parts[:-1]),
        title=title,
        description=description,
        order=int(next((values[name] for name in _ORDERS if name in values), "100")),
        body=body,
        first_line=first_line,
        formerly=tuple(dict.fromkeys(formerly)),
    )


def _former_path(written: str) -> str:
    """Return the path of a page from an address or a file's name it had before."""
    path = unquote(written.partition("#")[0].partition("?")[0])
    # Our own addresses begin so; the version is that of the page.
    path = re.sub(r"^/docs/[^/]+/", "", path)
    path = re.sub(r"\.(?:mdx?|markdown|html?)$", "", path.strip("/"))
    parts = [_address(part) for part in path.split("/")]
    if len(parts) > 1 and parts[-1].lower() in _INDEXES:
        parts.pop()
    return "/".join(parts) if all(parts) else ""


def _address(name: str) -> str:
    """Return a file's or folder's name as it stands in an address.

    Some systems keep ``é`` as two characters, and nobody types a link that way.
    """
    return re.sub(r"[^\w.~-]+", "-", normalize("NFC", name)).strip("-.")


def _words(heading: str) -> str:
    """Return a heading without marks and without the id its writer asked for."""
    found = markdown.sections(f"# {heading}\n")
    return found[-1].heading if heading else ""


def _name_of(file: Path) -> str:
    name = file.stem if file.stem.lower() not in _INDEXES else file.parent.name
    return re.sub(r"[-_]+", " ", name).strip().capitalize()


def _front_matter(file: Path, text: str) -> tuple[dict[str, str], list[str]]:
    """Return what the front matter says, and everything that is wrong with it."""
    try:
        # Every value as it is written: to YAML's own types ``1.10`` is 1.1, ``Yes`` a
        # truth and ``010`` eight. It makes nothing but texts, lists and mappings.
        read = yaml.load(text, Loader=yaml.BaseLoader) or {}  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        return {}, [f"{file}:{line}: the front matter is no YAML: {error.problem}."]
    except (yaml.YAMLError, ValueError) as error:
        return {}, [f"{file}:1: the front matter is no YAML: {error}."]
    except RecursionError:
        return {}, [f"{file}:2: the front matter is nested too deeply."]
    if not isinstance(read, dict):
        return {}, [f"{file}:2: the front matter has to be lines of `name: value`."]
    values = {
        str(name): " ".join(value.split())
        for name, value in read.items()
        if isinstance(value, str) and value not in _NOTHING
    }
    for name in _FORMERLY:
        listed = read.get(name)
        if isinstance(listed, list):
            values[name] = "\n".join(each for each in listed if isinstance(each, str))
    # YAML's escapes write what the text itself may not hold: "\0", "\uD800".
    wrong = [
        f"{file}:{_line_of(text, name)}: {name} has a character that cannot be stored."
        for name in ("title", "description")
        if any(category(each) in {"Cc", "Cs"} for each in values.get(name, ""))
    ]
    for name in _ORDERS:
        order = values.get(name, "0")
        if name in values and whole_number(order) is None:
            wrong.append(
                f"{file}:{_line_of(text, name)}: {name} has to be a whole number."
            )
        elif len(order) > MAX_ORDER:
            wrong.append(
                f"{file}:{_line_of(text, name)}: {name} has {len(order)} characters;"
                f" {MAX_ORDER} are the most."
            )
    return values, wrong


def _line_of(text: str, name: str) -> int:
    """Return the line of a file on which its front matter says ``name``."""
    lines = enumerate(text.splitlines(), start=2)
    return next((number for number, line in lines if line.startswith(f"{name}:")), 1)


def _walk(sources: dict[str, Source], parent: str) -> Iterator[Source]:
    children = [s for s in sources.values() if s.parent == parent]
    for source in sorted(children, key=lambda s: (s.order, s.path)):
        yield source
        if source.path != "index":
            yield from _walk(sources, source.path)


def _resolve(source: Source, target: str) -> str:
    """Return the address of the page that ``target``, a file's name, means."""
    is_folder = source.file.stem.lower() in _INDEXES
    folder = source.path if is_folder else source.parent
    parts = [] if folder == "index" else [part for part in folder.split("/") if part]
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {".", ""}:
            parts.append(part)
    if parts:
        last = PurePosixPath(parts[-1])
        parts[-1] = last.stem if last.suffix.lower() in _SUFFIXES else parts[-1]
    parts = [_address(part) for part in parts]
    if parts and parts[-1].lower() in _INDEXES:
        parts.pop()
    return "/".join(parts) or "index"
