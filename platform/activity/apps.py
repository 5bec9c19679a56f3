from django.apps import AppConfig


class ActivityConfig(AppConfig):
    """First-party event log: what people did."""

    name = "activity"
    label = "activity"
