from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class PrivacyConfig(AppConfig):
    """What a person may do with everything that is kept of them."""

    name = "privacy"
    label = "privacy"
    menu = (
        MenuEntry(Menu.ACCOUNT, 110, _("My data"), "privacy:data", "download"),
        MenuEntry(
            Menu.ACCOUNT, 120, _("Close my account"), "privacy:account-close", "trash-2"
        ),
    )

    def ready(self) -> None:
        from jobs.registry import register
        from privacy import own_obstacles, own_parts
        from privacy.jobs import ERASURE_KIND, EXPORT_KIND

        register(EXPORT_KIND)
        register(ERASURE_KIND)
        own_obstacles.register()
        own_parts.register()
