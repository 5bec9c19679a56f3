from django.apps import AppConfig


class RefundsConfig(AppConfig):
    """Money that staff give back."""

    name = "billing.refunds"
    label = "refunds"

    def ready(self) -> None:
        from billing.refunds import approved, jobs  # noqa: F401
        from jobs.registry import register

        register(jobs.KIND)
