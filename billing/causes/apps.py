from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class CausesConfig(AppConfig):
    """What moves α."""

    name = "billing.causes"
    label = "causes"
    menu = (
        MenuEntry(
            Menu.STAFF,
            21,
            _("What moves α"),
            "causes:list",
            section=StaffSection.CONVERSION,
        ),
    )
