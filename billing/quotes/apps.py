from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class QuotesConfig(AppConfig):
    """What is sold by quote and contract, and paid by invoice."""

    name = "billing.quotes"
    label = "quotes"
    menu = (
        MenuEntry(
            Menu.STAFF,
            34,
            _("Quotes"),
            "quotes:staff-list",
            section=StaffSection.BILLING,
        ),
    )

    def ready(self) -> None:
        from billing.quotes import approved, jobs  # noqa: F401
        from jobs.registry import register

        register(jobs.KIND)
