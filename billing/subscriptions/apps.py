from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Who subscribes to what."""

    name = "billing.subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        from billing.subscriptions import subscribers  # noqa: F401
        from billing.subscriptions.notices import purses_of
        from notifications import registry as notifications

        notifications.register("purse", purses_of)
