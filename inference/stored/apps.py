from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class StoredConfig(AppConfig):
    """Responses kept for ``previous_response_id``, by choice."""

    name = "inference.stored"
    label = "stored"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            36,
            _("Stored responses"),
            "stored:storage",
            "history",
            for_organisation=True,
        ),
    )

    def ready(self) -> None:
        from inference.stored import subscribers  # noqa: F401
