from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class OperatingConfig(AppConfig):
    """Circuits, poisonous requests, and where a call would go."""

    name = "inference.operating"
    label = "operating"
    menu = (
        MenuEntry(
            Menu.STAFF,
            36,
            _("Circuits"),
            "operating:health",
            section=StaffSection.MODELS,
        ),
    )
