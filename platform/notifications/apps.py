from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Messages in the product and by e-mail."""

    name = "notifications"
    label = "notifications"
