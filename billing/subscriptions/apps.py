from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Who subscribes to what."""

    name = "billing.subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        from billing.subscriptions import subscribers  # noqa: F401
