from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class ApprovalsConfig(AppConfig):
    """What two people of staff decide together."""

    name = "billing.approvals"
    label = "approvals"
    menu = (
        MenuEntry(
            Menu.STAFF,
            33,
            _("Approvals"),
            "approvals:list",
            section=StaffSection.BILLING,
        ),
    )
