from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class CachingConfig(AppConfig):
    """Answers given again, where a key chose it."""

    name = "inference.caching"
    label = "caching"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            38,
            _("Answer cache"),
            "caching:cache",
            "refresh-cw",
            for_organisation=True,
        ),
    )
