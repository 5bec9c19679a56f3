from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Append-only record of staff and security actions."""

    name = "audit"
    label = "audit"

    def ready(self) -> None:
        from audit import receivers, subscribers  # noqa: F401
