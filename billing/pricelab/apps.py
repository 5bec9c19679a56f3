from django.apps import AppConfig


class PricelabConfig(AppConfig):
    """What last month would have brought under other terms."""

    name = "billing.pricelab"
    label = "pricelab"

    def ready(self) -> None:
        from billing.pricelab import jobs
        from jobs.registry import register

        register(jobs.KIND)
