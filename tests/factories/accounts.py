"""People and organisations, as small as they can be."""

from dataclasses import replace

from accounts.models import Organisation
from entitlements.queries import entitlements_for
from entitlements.services import replace_for


def with_seats(organisation: Organisation, seats: int) -> Organisation:
    """Return ``organisation`` with room for so many members."""
    features = replace(entitlements_for(organisation.pk), seats=seats)
    replace_for(organisation.pk, features, source="test")
    return organisation
