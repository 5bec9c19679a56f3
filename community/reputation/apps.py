from django.apps import AppConfig


class ReputationConfig(AppConfig):
    """Points people earn, as a public ledger."""

    name = "community.reputation"
    label = "reputation"

    def ready(self) -> None:
        from community.reputation import subscribers  # noqa: F401
        from community.reputation.own_data import points
        from privacy.registry import register_part

        register_part("points", points)
