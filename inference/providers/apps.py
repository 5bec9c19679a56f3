from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    """Where models are run."""

    name = "inference.providers"
    label = "providers"
