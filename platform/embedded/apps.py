from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    """The default services of a bare machine, and what starts them."""

    name = "embedded"
    label = "embedded"
