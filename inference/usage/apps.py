from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

from edge.menus import Menu, MenuEntry


class UsageConfig(AppConfig):
    """What was used, to the token."""

    name = "inference.usage"
    label = "usage"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            40,
            pgettext_lazy("of models", "Usage"),
            "usage:usage",
            "chart-line",
            for_organisation=True,
        ),
    )

    def ready(self) -> None:
        from inference.usage.nodes import register_nodes

        register_nodes()
