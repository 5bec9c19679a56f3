from django.apps import AppConfig


class StripeConfig(AppConfig):
    """The one place that speaks to Stripe."""

    name = "billing.stripe"
    label = "billing_stripe"

    def ready(self) -> None:
        from billing.stripe import checks  # noqa: F401
        from billing.stripe.jobs import KIND
        from jobs.registry import register

        register(KIND)
