from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Running the product."""

    name = "operations"
    label = "operations"
