from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """What was paid and what it cost."""

    name = "billing.ledger"
    label = "ledger"

    def ready(self) -> None:
        from billing.ledger import subscribers  # noqa: F401
