"""The Stripe emulator as the product's tests use it."""

from stripe_emulator.testing import (
    StripeEmulator,
    stripe_emulator,
    stripe_emulator_process,
)

__all__ = ["StripeEmulator", "stripe_emulator", "stripe_emulator_process"]
