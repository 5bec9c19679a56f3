from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class ReferralsConfig(AppConfig):
    """Who brought whom, and what both are given for it."""

    name = "billing.referrals"
    label = "referrals"
    menu = (
        MenuEntry(Menu.ACCOUNT, 35, _("Invite others"), "referrals:mine", "heart"),
        MenuEntry(
            Menu.STAFF,
            26,
            _("Referrals"),
            "referrals:list",
            section=StaffSection.GROWTH,
        ),
    )

    def ready(self) -> None:
        from billing.referrals import receivers, subscribers  # noqa: F401
