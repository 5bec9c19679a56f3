from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class OperationsConfig(AppConfig):
    """Running the product."""

    name = "operations"
    label = "operations"
    menu = (
        MenuEntry(
            Menu.STAFF,
            40,
            _("Operations"),
            "operations:jobs",
            section=StaffSection.OPERATIONS,
        ),
    )
