from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class ModerationConfig(AppConfig):
    """Reports, the queue of the moderators, and their acts."""

    name = "community.moderation"
    label = "moderation"
    menu = (
        MenuEntry(
            Menu.ACCOUNT, 17, _("Standing"), "moderation:standing", "shield-check"
        ),
        MenuEntry(
            Menu.STAFF,
            38,
            _("Moderation"),
            "moderation:case-list",
            section=StaffSection.COMMUNITY,
        ),
    )

    def ready(self) -> None:
        from community.moderation import appeals, reports  # noqa: F401
