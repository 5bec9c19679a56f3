from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """The only road between areas: facts written with the change they report."""

    name = "outbox"
    label = "outbox"

    def ready(self) -> None:
        from jobs.registry import register
        from outbox.jobs import KIND

        register(KIND)
