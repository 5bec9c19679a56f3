from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """What was paid and what it cost."""

    name = "billing.ledger"
    label = "ledger"

    def ready(self) -> None:
        from billing.ledger import subscribers  # noqa: F401
        from billing.ledger.own_data import invoices
        from privacy.registry import register_part

        register_part("invoices", invoices)
