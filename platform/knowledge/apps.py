from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection

if TYPE_CHECKING:
    from search.misses import UnexplainedCode


class KnowledgeConfig(AppConfig):
    """What the company knows, how it hangs together, and what is missing."""

    name = "knowledge"
    label = "knowledge"
    menu = (
        MenuEntry(
            Menu.STAFF,
            39,
            _("Knowledge"),
            "knowledge:home",
            section=StaffSection.COMMUNITY,
        ),
    )

    def ready(self) -> None:
        from search.misses import register_unanswered

        register_unanswered(_unexplained_errors)


def _unexplained_errors() -> "list[UnexplainedCode]":
    from knowledge.queries import unexplained_errors

    return unexplained_errors()
