from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class CreditsConfig(AppConfig):
    """What may be used beyond a plan, and how usage was covered."""

    name = "billing.credits"
    label = "credits"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            55,
            _("Credit"),
            "credits:credit-home",
            "wallet",
            for_organisation=True,
        ),
        MenuEntry(
            Menu.STAFF,
            32,
            _("Credit"),
            "credits:staff-credit-list",
            section=StaffSection.BILLING,
        ),
    )

    def ready(self) -> None:
        from billing.credits import approved, subscribers  # noqa: F401
        from billing.credits.own_data import grants, unused_credit
        from privacy.registry import register_obstacles, register_part

        register_part("credit", grants)
        register_obstacles(unused_credit)
