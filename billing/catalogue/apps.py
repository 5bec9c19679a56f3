from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class CatalogueConfig(AppConfig):
    """Where staff make plans, and publish what they cost."""

    name = "billing.catalogue"
    label = "catalogue"
    menu = (
        MenuEntry(
            Menu.STAFF,
            30,
            _("Plans"),
            "catalogue:plan-list",
            section=StaffSection.BILLING,
        ),
    )
