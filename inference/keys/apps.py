from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class KeysConfig(AppConfig):
    """API keys of organisations."""

    name = "inference.keys"
    label = "keys"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            30,
            _("API keys"),
            "keys:key-list",
            "key-round",
            for_organisation=True,
        ),
        MenuEntry(
            Menu.CONSOLE,
            35,
            _("Projects"),
            "keys:project-list",
            "tag",
            for_organisation=True,
        ),
    )

    def ready(self) -> None:
        from inference.keys import subscribers  # noqa: F401
        from inference.keys.own_data import keys
        from privacy.registry import register_part

        register_part("api_keys", keys)
