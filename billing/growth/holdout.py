"""Who is kept out, for ever and by the same rule everywhere.

A unit's place is a hash of its name and a salt, so it needs no table and no luck: it is
the same in every process and after every restore.
"""

from collections.abc import Iterable
from hashlib import sha256

from django.conf import settings

# Changing it would let everybody change places, so it never changes.
SALT = "holdout"


def place(salt: str, unit: object) -> float:
    """Return the fixed place of a unit in [0, 1) under a salt.

    The first 32 bits of SHA-256 of ``salt:unit``, which are as good as drawn.
    """
    digest = sha256(f"{salt}:{unit}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32


def is_held_out(organisation_ids: Iterable[int]) -> bool:
    """Tell whether one of the organisations a person belongs to is held out.

    One is enough: nobody may be treated in one place and untouched in another.
    """
    share = settings.GROWTH_HOLDOUT_PERCENT / 100
    return any(place(SALT, each) < share for each in organisation_ids)


def is_kept_from_campaign(campaign: str, percent: int, organisation_id: int) -> bool:
    """Tell whether an organisation is in the holdout that a campaign has of its own."""
    return place(f"campaign:{campaign}", organisation_id) < percent / 100


def held_chance(organisations: int) -> float:
    """Return the chance of who belongs to so many organisations to be held out."""
    return 1 - (1 - settings.GROWTH_HOLDOUT_PERCENT / 100) ** organisations
