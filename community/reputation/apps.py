from django.apps import AppConfig


class ReputationConfig(AppConfig):
    """Points people earn, as a public ledger."""

    name = "community.reputation"
    label = "reputation"
