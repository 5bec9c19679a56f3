from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Who subscribes to what."""

    name = "billing.subscriptions"
    label = "subscriptions"
