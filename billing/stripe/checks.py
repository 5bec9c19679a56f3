"""Refuse to start where real keys would meet an emulator, or the reverse."""

from typing import Any

from django.conf import settings
from django.core import checks

LIVE = ("sk_live_", "rk_live_")


@checks.register()
def check_stripe_settings(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Say what does not fit together in the settings of Stripe."""
    key, base = settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE
    messages: list[checks.CheckMessage] = []
    if base and key.startswith(LIVE):
        messages.append(
            checks.Error(
                "STRIPE_SECRET_KEY is a live key, but STRIPE_API_BASE is not Stripe.",
                hint="Remove STRIPE_API_BASE, or use a test key with it.",
                id="billing_stripe.E001",
            )
        )
    if key and not base and not settings.STRIPE_WEBHOOK_SECRETS:
        messages.append(
            checks.Warning(
                "STRIPE_WEBHOOK_SECRETS is empty: every webhook will be refused.",
                hint="Copy the signing secret of the endpoint /hooks/stripe/.",
                id="billing_stripe.W001",
            )
        )
    return messages
