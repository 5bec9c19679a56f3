from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class SubscriptionsConfig(AppConfig):
    """Who subscribes to what."""

    name = "billing.subscriptions"
    label = "subscriptions"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            50,
            _("Billing"),
            "subscriptions:billing",
            "credit-card",
            for_organisation=True,
        ),
        MenuEntry(
            Menu.STAFF,
            29,
            _("Revenue"),
            "subscriptions:revenue",
            section=StaffSection.BILLING,
        ),
        MenuEntry(
            Menu.STAFF,
            31,
            _("Given plans"),
            "subscriptions:grant-list",
            section=StaffSection.BILLING,
        ),
    )

    def ready(self) -> None:
        from billing.subscriptions import given, jobs, subscribers  # noqa: F401
        from billing.subscriptions.leaving import unsettled
        from billing.subscriptions.notices import purses_of
        from jobs.registry import register
        from notifications import registry as notifications
        from privacy.registry import register_obstacles

        register(jobs.KIND)
        notifications.register("purse", purses_of)
        register_obstacles(unsettled)
