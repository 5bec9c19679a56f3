from django.apps import AppConfig


class ActivityConfig(AppConfig):
    """First-party event log: what people did."""

    name = "activity"
    label = "activity"

    def ready(self) -> None:
        from activity import receivers, subscribers  # noqa: F401
