from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class ConversionConfig(AppConfig):
    """How developers become customers, measured."""

    name = "billing.conversion"
    label = "conversion"
    menu = (
        MenuEntry(
            Menu.STAFF,
            10,
            _("Conversion"),
            "conversion:home",
            section=StaffSection.CONVERSION,
        ),
        MenuEntry(
            Menu.STAFF,
            20,
            _("Profit model"),
            "conversion:profit-model",
            section=StaffSection.CONVERSION,
        ),
    )

    def ready(self) -> None:
        from billing.conversion import subscribers  # noqa: F401
        from billing.conversion.people import export_person
        from privacy.registry import register_part

        # The very rows that staff can download.
        register_part("way", export_person)
