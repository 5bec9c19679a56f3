from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Questions over what people did."""

    name = "analytics"
    label = "analytics"
