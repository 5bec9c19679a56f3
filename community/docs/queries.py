"""Reading documentation in the reader's language."""

from dataclasses import dataclass, field

from django.core.cache import cache
from django.db.models import Case, IntegerField, Value, When

from community.docs.models import Page, Version


@dataclass(slots=True)
class Node:
    """One entry of the tree."""

    path: str
    title: str
    url: str
    children: list["Node"] = field(default_factory=list)

    def holds(self, path: str) -> bool:
        """Tell whether ``path`` is this entry or below it."""
        return path == self.path or path.startswith(f"{self.path}/")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The page before or after."""

    title: str
    url: str


def locale_of(language: str) -> str:
    """Return the documentation's name for an interface language."""
    return "zh-hans" if language.startswith("zh") else "en"


def find_page(version: Version, path: str, locale: str) -> Page | None:
    """Return a page in ``locale``, in English where it is not translated."""
    wanted_first = Case(
        When(locale=locale, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return (
        Page.objects.published()
        .filter(version=version, path=path, locale__in={locale, "en"})
        .select_related("version")
        .order_by(wanted_first)
        .first()
    )


def tree_of(version: Version, locale: str) -> list[Node]:
    """Return a version's pages as a tree, untranslated ones in English."""
    rows = _rows(version, locale)
    nodes = {
        path: Node(path, title, f"/docs/{version.slug}/{path}/")
        for path, title, _ in rows
    }
    roots: list[Node] = []
    for path, _title, parent in rows:
        if path == "index":
            continue
        home = nodes.get(parent) if parent else None
        (home.children if home else roots).append(nodes[path])
    return roots


def neighbours(
    version: Version, locale: str, path: str
) -> tuple[Neighbour | None, Neighbour | None]:
    """Return the pages before and after, in reading order."""
    rows = [row for row in _rows(version, locale) if row[0] != "index"]
    paths = [row[0] for row in rows]
    if path not in paths:
        return None, None
    here = paths.index(path)

    def at(index: int) -> Neighbour | None:
        if not 0 <= index < len(rows):
            return None
        return Neighbour(rows[index][1], f"/docs/{version.slug}/{rows[index][0]}/")

    return at(here - 1), at(here + 1)


def _rows(version: Version, locale: str) -> list[tuple[str, str, str]]:
    key = f"docs:tree:{version.pk}:{locale}"
    rows: list[tuple[str, str, str]] | None = cache.get(key)
    if rows is None:
        found: dict[str, tuple[int, str, str, str, str]] = {}
        pages = Page.objects.published().filter(
            version=version, locale__in={locale, "en"}
        )
        for position, path, title, parent, page_locale in pages.values_list(
            "position", "path", "title", "parent", "locale"
        ):
            if path not in found or page_locale == locale:
                found[path] = (position, path, title, parent, page_locale)
        rows = [
            (path, title, parent)
            for _, path, title, parent, _ in sorted(found.values())
        ]
        cache.set(key, rows, 30)
    return rows
