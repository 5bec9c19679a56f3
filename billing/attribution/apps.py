from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class AttributionConfig(AppConfig):
    """What the money is put down to: pages, topics, answers, work, campaigns."""

    name = "billing.attribution"
    label = "attribution"
    menu = (
        MenuEntry(
            Menu.STAFF,
            23,
            _("Attribution"),
            "attribution:home",
            section=StaffSection.CONVERSION,
        ),
    )

    def ready(self) -> None:
        from billing.attribution import subscribers  # noqa: F401
