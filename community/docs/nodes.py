"""The pages of the current documentation, as the knowledge graph knows them."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from django.utils.translation import gettext_lazy as _

from community.docs.models import LOCALES, Page
from knowledge.registry import Actor, Known, NodeSource, register

# Pages fetched at a time, with their text some megabytes.
_AT_ONCE = 200


def register_nodes() -> None:
    """Bring the documentation into the graph."""
    register(
        NodeSource(
            kind="doc",
            label=_("Documentation"),
            read=_pages,
            explains=True,
            visible=_visible,
        )
    )


def _pages() -> Iterator[Known]:
    """Yield each page once, with what it says in all its languages."""
    current = Page.objects.published().filter(version__is_default=True)
    rows = current.select_related("version").order_by("path", "locale")
    for path, group in groupby(
        rows.iterator(chunk_size=_AT_ONCE), key=lambda page: page.path
    ):
        pages = {page.locale: page for page in group}
        first = pages.get(LOCALES[0]) or next(iter(pages.values()))
        chinese = pages.get("zh-hans")
        yield Known(
            key=path,
            title_en=first.title,
            title_zh=chinese.title if chinese else "",
            url=first.get_absolute_url(),
            text="\n".join(page.source_md for page in pages.values()),
            html="\n".join(page.html for page in pages.values()),
            subjects=(f"doc:{first.version.slug}/{path}",),
        )


def _visible(actor: Actor, paths: Iterable[str]) -> set[str]:
    current = Page.objects.published().filter(version__is_default=True)
    return set(current.filter(path__in=list(paths)).values_list("path", flat=True))
