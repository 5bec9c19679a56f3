"""What every form that is sent here has: a token, and a digest of what it holds."""

import hashlib
import json
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Sent:
    """The token of a form, and the digest of what came with it."""

    token: str
    digest: str

    @classmethod
    def of(cls, token: str, *values: str | int) -> Self:
        """Return the token of ``values``; without one there is nothing to digest."""
        told = json.dumps(values).encode()
        return cls(token, hashlib.sha256(told).hexdigest() if token else "")
