from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Data to look at on a machine that has none yet."""

    name = "demo"
    label = "demo"
