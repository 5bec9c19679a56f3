from django.apps import AppConfig


class UsageConfig(AppConfig):
    """What was used, to the token."""

    name = "inference.usage"
    label = "usage"
