from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Entry, Menu


class ExplorerConfig(AppConfig):
    """Looking at single calls, and at what failed."""

    name = "inference.explorer"
    label = "explorer"
    menu = (
        Entry(
            Menu.CONSOLE,
            42,
            _("Requests"),
            "explorer:request-list",
            "search",
            for_organisation=True,
        ),
        Entry(Menu.STAFF, 37, _("Requests"), "explorer:staff-request-list"),
    )
