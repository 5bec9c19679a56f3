from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class OverageConfig(AppConfig):
    """What usage beyond the allowance is charged, from the ledger to the invoice."""

    name = "billing.overage"
    label = "overage"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            56,
            _("Charges"),
            "overage:overage-home",
            "trending-up",
            for_organisation=True,
        ),
        MenuEntry(
            Menu.STAFF,
            28,
            _("Statements of usage"),
            "overage:staff-list",
            section=StaffSection.BILLING,
        ),
    )

    def ready(self) -> None:
        from billing.overage import approved  # noqa: F401
