from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class GrowthConfig(AppConfig):
    """What may be offered to whom, and what came of it."""

    name = "billing.growth"
    label = "growth"
    menu = (
        MenuEntry(
            Menu.STAFF, 22, _("Offers"), "growth:moments", section=StaffSection.GROWTH
        ),
        MenuEntry(
            Menu.STAFF, 24, _("Leads"), "growth:lead-list", section=StaffSection.GROWTH
        ),
    )

    def ready(self) -> None:
        from billing.growth import subscribers  # noqa: F401
