from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """What was paid and what it cost."""

    name = "billing.ledger"
    label = "ledger"
