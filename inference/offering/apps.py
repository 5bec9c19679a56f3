from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class OfferingConfig(AppConfig):
    """Staff offer models: places, keys, prices, tests."""

    name = "inference.offering"
    label = "offering"
    menu = (
        MenuEntry(
            Menu.STAFF,
            35,
            _("Models"),
            "offering:model-list",
            section=StaffSection.MODELS,
        ),
    )
