from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from search.services import Entry


class DocsConfig(AppConfig):
    """Versioned documentation."""

    name = "community.docs"
    label = "docs"

    def ready(self) -> None:
        from search.registry import register

        register("doc", _entries)


def _entries() -> "Iterator[Entry]":
    from community.docs.models import Page
    from community.docs.services import entries_of

    for page in Page.objects.published().select_related("version").iterator():
        yield from entries_of(page)
