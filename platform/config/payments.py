"""Refusing to start where real money and an emulator could meet.

The settings call this while they load, because every process loads them: pages,
gateway, workers, beat and commands alike. Django's checks run in some of these only.
"""

import re
from collections.abc import Iterable, Iterator

_LIVE = re.compile(r"(sk|rk|pk)_live_", re.IGNORECASE)
# Anything else could be a live key in disguise: with a quote or a blank.
_SECRET_KEY = re.compile(r"(sk|rk)_(test|live)_\w+", re.ASCII)
_SIGNING_SECRET = re.compile(r"whsec_[\w+/=-]+", re.ASCII)
_EMULATOR = "_emulator"


def problems_with_stripe(
    *,
    key: str,
    api_base: str,
    webhook_secrets: Iterable[str],
    is_development: bool,
) -> Iterator[str]:
    """Yield what does not fit together in the settings of Stripe.

    A live key never goes with another address than Stripe's own, which is what an
    empty ``api_base`` means, and never with development. Production has no
    emulator, with any key.
    """
    is_live = bool(_LIVE.search(key))
    if is_live and api_base:
        yield "STRIPE_SECRET_KEY is a live key: remove STRIPE_API_BASE."
    elif api_base and not is_development:
        yield "STRIPE_API_BASE is for an emulator in development: remove it."
    if is_live and is_development:
        yield "STRIPE_SECRET_KEY is a live key: development takes a test key."
    if key.endswith(_EMULATOR) and not is_development:
        yield "STRIPE_SECRET_KEY is the emulator's: use Stripe's own."
    elif key and not _SECRET_KEY.fullmatch(key):
        yield "STRIPE_SECRET_KEY has to begin with sk_ or rk_ and test_ or live_."
    for secret in webhook_secrets:
        if not _SIGNING_SECRET.fullmatch(secret):
            yield "STRIPE_WEBHOOK_SECRETS holds what does not begin with whsec_."
        elif secret.endswith(_EMULATOR) and not is_development:
            yield "STRIPE_WEBHOOK_SECRETS holds the emulator's: use Stripe's own."
