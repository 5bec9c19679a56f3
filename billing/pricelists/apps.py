from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class PriceListsConfig(AppConfig):
    """What single organisations pay for models, by contract or by staff."""

    name = "billing.pricelists"
    label = "pricelists"
    menu = (
        MenuEntry(
            Menu.STAFF,
            27,
            _("Price lists"),
            "pricelists:list",
            section=StaffSection.BILLING,
        ),
    )
