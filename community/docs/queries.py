"""Reading documentation in the reader's language."""

from dataclasses import dataclass, field

from django.core.cache import cache
from django.db.models import Case, IntegerField, Value, When

from community.docs.models import LOCALES, Page, Version, Vote
from search.models import Audience
from search.queries import Passage, passages


@dataclass(slots=True)
class Node:
    """One entry of the tree."""

    path: str
    title: str
    url: str
    description: str
    children: list["Node"] = field(default_factory=list)

    def holds(self, path: str) -> bool:
        """Tell whether ``path`` is this entry or below it."""
        return path == self.path or path.startswith(f"{self.path}/")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The page before or after."""

    title: str
    url: str


def tree_key(version_id: int, locale: str) -> str:
    """Return where the cache keeps a version's pages in one language."""
    return f"docs:tree:{version_id}:{locale}"


def locale_of(language: str) -> str:
    """Return the documentation's name for an interface language."""
    return "zh-hans" if language.startswith("zh") else LOCALES[0]


def find_page(version: str, path: str, locale: str) -> Page | None:
    """Return a page in ``locale``, else in English, else in what it is written in."""
    wanted_first = Case(
        When(locale=locale, then=Value(0)),
        When(locale=LOCALES[0], then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return (
        Page.objects.published()
        .filter(version__slug=version, path=path)
        .select_related("version")
        .order_by(wanted_first)
        .first()
    )


def find_moved_page(version: str, path: str, locale: str) -> Page | None:
    """Return the page that had this path in a version before."""
    moved = Page.objects.published().filter(
        version__slug=version, formerly__contains=[path]
    )
    paths = moved.values_list("path", flat=True).order_by("position")[:1]
    return next((find_page(version, each, locale) for each in paths), None)


def editions_of(path: str) -> tuple[list[Version], set[int], set[tuple[int, str]]]:
    """Return all versions, the ids of those with ``path``, and those with languages."""
    versions = list(Version.objects.all())
    pairs = set(
        Page.objects.published().filter(path=path).values_list("version_id", "locale")
    )
    return versions, {version for version, _ in pairs}, pairs


def similar_pages(words: str, locale: str) -> list[Passage]:
    """Return current pages that hold some of ``words``, each once, best first."""
    # Several passages of one page count once, so more are asked for than shown.
    found = passages(
        [Audience.PUBLIC],
        words,
        kinds=["doc"],
        labels=["current"],
        locale=locale,
        limit=20,
    )
    pages: dict[int, Passage] = {}
    for passage in found:
        pages.setdefault(passage.object_id, passage)
    return list(pages.values())[:5]


def vote_of(page: Page, voter: str) -> str:
    """Return what ``voter`` said of a page: ``yes``, ``no`` or nothing."""
    said = (
        Vote.objects.filter(page=page, voter=voter)
        .values_list("is_helpful", flat=True)
        .first()
    )
    return {True: "yes", False: "no", None: ""}[said]


def tree_of(version: Version, locale: str) -> list[Node]:
    """Return a version's pages as a tree, untranslated ones as they are."""
    rows = _rows(version, locale)
    nodes = {
        path: Node(path, title, f"/docs/{version.slug}/{path}/", description)
        for path, title, _parent, description in rows
    }
    roots: list[Node] = []
    for path, _title, parent, _description in rows:
        home = nodes.get(parent) if parent else None
        (home.children if home else roots).append(nodes[path])
    return roots


def trail_of(tree: list[Node], path: str) -> list[Node]:
    """Return the entries from the root down to the one above ``path``."""
    for node in tree:
        if node.path != path and node.holds(path):
            return [node, *trail_of(node.children, path)]
    return []


def neighbours(
    version: Version, locale: str, path: str
) -> tuple[Neighbour | None, Neighbour | None]:
    """Return the pages before and after, in reading order."""
    rows = _rows(version, locale)
    paths = [row[0] for row in rows]
    if path not in paths:
        return None, None
    here = paths.index(path)

    def at(index: int) -> Neighbour | None:
        if not 0 <= index < len(rows):
            return None
        return Neighbour(rows[index][1], f"/docs/{version.slug}/{rows[index][0]}/")

    return at(here - 1), at(here + 1)


Row = tuple[str, str, str, str]


def _rows(version: Version, locale: str) -> list[Row]:
    """Return (path, title, parent, description) of every page, in reading order."""
    key = tree_key(version.pk, locale)
    rows: list[Row] | None = cache.get(key)
    if rows is None:
        found: dict[str, tuple[int, Row, str]] = {}
        # The wanted language stands before English, and that before any other.
        order = {locale: 2, LOCALES[0]: 1}
        pages = Page.objects.published().filter(version=version)
        for page in pages.values(
            "position", "path", "title", "parent", "description", "locale"
        ):
            path = page["path"]
            present = found[path][2] if path in found else ""
            if order.get(page["locale"], 0) >= order.get(present, -1):
                row = (path, page["title"], page["parent"], page["description"])
                found[path] = (page["position"], row, page["locale"])
        rows = [row for _, row, _ in sorted(found.values(), key=lambda each: each[:2])]
        # An import empties it; this only bounds what a lost message costs.
        cache.set(key, rows, 30)
    return rows
