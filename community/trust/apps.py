from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class TrustConfig(AppConfig):
    """Levels as they are measured, badges, and votes that are not honest."""

    name = "community.trust"
    label = "trust"
    menu = (MenuEntry(Menu.ACCOUNT, 16, _("Trust"), "trust:levels", "trending-up"),)

    def ready(self) -> None:
        from community.trust import rings  # noqa: F401
