from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class ImportsConfig(AppConfig):
    """Forums that moved in."""

    name = "community.imports"
    label = "imports"
    menu = (
        MenuEntry(
            Menu.ACCOUNT, 90, _("Posts from before"), "imports:history", "history"
        ),
    )

    def ready(self) -> None:
        from community.imports import subscribers  # noqa: F401
