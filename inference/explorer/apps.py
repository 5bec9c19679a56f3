from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

from edge.menus import Menu, MenuEntry, StaffSection


class ExplorerConfig(AppConfig):
    """Looking at single calls, and at what failed."""

    name = "inference.explorer"
    label = "explorer"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            42,
            pgettext_lazy("list", "Requests"),
            "explorer:request-list",
            "search",
            for_organisation=True,
        ),
        MenuEntry(
            Menu.STAFF,
            37,
            pgettext_lazy("list", "Requests"),
            "explorer:staff-request-list",
            section=StaffSection.MODELS,
        ),
    )
