from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class AuditConfig(AppConfig):
    """Append-only record of staff and security actions."""

    name = "audit"
    label = "audit"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            70,
            _("Audit log"),
            "audit:record-list",
            "scroll-text",
            for_organisation=True,
        ),
    )

    def ready(self) -> None:
        from audit import receivers, subscribers  # noqa: F401
