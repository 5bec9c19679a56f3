"""The token a form carries: whose it is, where it stands and what it began from."""

import secrets
from dataclasses import dataclass, field
from typing import Self

from django.core import signing

_SIGNER = "drafts.slot"


def _new_nonce() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One form as it was shown, once.

    ``owner`` is a person's public id, empty for a visitor. ``began_from`` is the draft
    the form was filled with and ``base`` its sequence then: as long as nobody went on
    with that draft elsewhere, this form takes its place. A local slot is kept by the
    browser alone.
    """

    owner: str
    place: str
    nonce: str = field(default_factory=_new_nonce)
    began_from: str = ""
    base: int = 0
    is_local: bool = False

    def token(self) -> str:
        """Return the slot as a signed text: its bearer was shown the form."""
        parts = [
            self.owner,
            self.nonce,
            self.began_from,
            str(self.base),
            "l" if self.is_local else "",
            self.place,
        ]
        return signing.Signer(salt=_SIGNER).sign("|".join(parts))

    @classmethod
    def read(cls, token: str) -> Self | None:
        """Return the slot of a token of ours, else nothing."""
        try:
            text = signing.Signer(salt=_SIGNER).unsign(token)
        except signing.BadSignature:
            return None
        owner, nonce, began_from, base, local, place = text.split("|", 5)
        return cls(
            owner=owner,
            place=place,
            nonce=nonce,
            began_from=began_from,
            base=int(base),
            is_local=bool(local),
        )
