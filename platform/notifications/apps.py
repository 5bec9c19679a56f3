from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class NotificationsConfig(AppConfig):
    """Messages in the product and by e-mail."""

    name = "notifications"
    label = "notifications"
    menu = (
        MenuEntry(
            Menu.ACCOUNT, 20, _("Notifications"), "notifications:preferences", "bell"
        ),
    )

    def ready(self) -> None:
        from jobs.registry import register
        from notifications.jobs import KIND

        register(KIND)
