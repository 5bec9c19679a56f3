"""Saying what is missing; what must not be is refused in ``config.payments``."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register()
def check_stripe_settings(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Say what Stripe's settings still lack."""
    key, base = settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE
    messages: list[checks.CheckMessage] = []
    if key and not base and not settings.STRIPE_WEBHOOK_SECRETS:
        messages.append(
            checks.Warning(
                "STRIPE_WEBHOOK_SECRETS is empty: every webhook will be refused.",
                hint="Copy the signing secret of the endpoint /hooks/stripe/.",
                id="billing_stripe.W001",
            )
        )
    return messages
