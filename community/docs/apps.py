from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection

if TYPE_CHECKING:
    from search import services


class DocsConfig(AppConfig):
    """Versioned documentation."""

    name = "community.docs"
    label = "docs"
    menu = (
        MenuEntry(Menu.SITE, 20, _("Docs"), "docs:home", "book-open"),
        MenuEntry(
            Menu.STAFF,
            43,
            _("Documentation"),
            "docs:version-list",
            section=StaffSection.COMMUNITY,
        ),
    )

    def ready(self) -> None:
        from community.docs.nodes import register_nodes
        from search.registry import register

        register("doc", _entries)
        register_nodes()


def _entries() -> "Iterator[services.Findable]":
    from community.docs.models import Page
    from community.docs.services import entries_of

    for page in Page.objects.published().select_related("version").iterator():
        yield from entries_of(page)
