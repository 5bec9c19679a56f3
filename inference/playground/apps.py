from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class PlaygroundConfig(AppConfig):
    """Models in the browser."""

    name = "inference.playground"
    label = "playground"
    menu = (
        MenuEntry(
            Menu.CONSOLE, 20, _("Playground"), "playground:playground", "terminal"
        ),
    )
