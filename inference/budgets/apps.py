from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class BudgetsConfig(AppConfig):
    """What may be used in a month, and who is told before it is."""

    name = "inference.budgets"
    label = "budgets"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            47,
            _("Budgets"),
            "budgets:budget-list",
            "sliders-horizontal",
            for_organisation=True,
        ),
    )
