"""The keys a model's server is called with: one, or several that share the work.

A deployment's secret holds one key on each line. A key that is refused, or at its
limit, rests while the others work; where all of them rest, each is as good as any.
"""

import time
from dataclasses import dataclass, field

from cryptography.fernet import InvalidToken

from core.crypto import decrypt
from inference.catalog.models import Deployment
from inference.providers.base import UpstreamFailed

# What is answered to a key, whatever is asked with it. Some servers refuse a request
# for its words with 403; the next key then tells which it was.
OF_THE_KEY = {401, 402, 403, 429}
REFUSED = {401, 402, 403}
# A key comes back by staff's hand; asking once a minute costs one request.
REFUSED_SECONDS = 60.0
LIMITED_SECONDS = 5.0  # where the server does not say for how long
LONGEST_SECONDS = 60.0  # a server that asks for more is asked again all the same


def keys_of(credential: str) -> tuple[str, ...]:
    """Return the keys in a deployment's secret. Raises ``InvalidToken``."""
    if not credential:
        return ()
    return tuple(
        line.strip() for line in decrypt(credential).split("\n") if line.strip()
    )


@dataclass(slots=True)
class Keyring:
    """The keys of one deployment, as one process uses them."""

    credential: str
    keys: tuple[str, ...]
    resting: dict[str, float] = field(default_factory=dict)
    turn: int = 0

    def pick(self, tried: set[str]) -> str | None:
        """Return the next key that was not tried, those that rest last."""
        if len(self.keys) == 1:
            return None if tried else self.keys[0]
        self.turn += 1
        start = self.turn % len(self.keys)
        order = [
            key for key in (*self.keys[start:], *self.keys[:start]) if key not in tried
        ]
        now = time.monotonic()
        awake = (key for key in order if self.resting.get(key, 0.0) <= now)
        return next(awake, order[0] if order else None)

    def rest(self, key: str, seconds: float) -> None:
        self.resting[key] = time.monotonic() + min(seconds, LONGEST_SECONDS)

    @property
    def is_short(self) -> bool:
        """Whether some of its keys rest and others do the work."""
        now = time.monotonic()
        return any(until > now for until in self.resting.values())


class Keyrings:
    """Keyrings by deployment; a secret that was replaced is read anew."""

    def __init__(self) -> None:
        self._rings: dict[int, Keyring] = {}

    def of(self, deployment: Deployment) -> Keyring | None:
        """Return a deployment's keys, ``None`` where it needs none.

        Raises ``UpstreamFailed`` for a secret that cannot be read: it opens nothing.
        """
        if not deployment.credential:
            return None
        ring = self._rings.get(deployment.pk)
        if ring is None or ring.credential != deployment.credential:
            try:
                keys = keys_of(deployment.credential)
            except InvalidToken as error:
                said = b"The secret cannot be read with FIELD_KEYS."
                raise UpstreamFailed(401, body=said) from error
            ring = self._rings[deployment.pk] = Keyring(deployment.credential, keys)
        return ring if ring.keys else None
