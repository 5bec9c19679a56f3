from tests.fakes.stripe_emulator import stripe_emulator, stripe_emulator_process

__all__ = ["stripe_emulator", "stripe_emulator_process"]
