from django.apps import AppConfig


class ConversionConfig(AppConfig):
    """How developers become customers, measured."""

    name = "billing.conversion"
    label = "conversion"

    def ready(self) -> None:
        from billing.conversion import subscribers  # noqa: F401
