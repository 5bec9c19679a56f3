from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class AnalyticsConfig(AppConfig):
    """Questions over what people did."""

    name = "analytics"
    label = "analytics"
    menu = (
        MenuEntry(
            Menu.STAFF,
            25,
            _("Reports"),
            "analytics:home",
            section=StaffSection.CONVERSION,
        ),
    )

    def ready(self) -> None:
        from analytics.models import Dashboard, SavedReport
        from notifications.registry import register

        register("report", SavedReport.objects.visible_to)
        register("dashboard", Dashboard.objects.visible_to)
