"""What accounts asks before a member is added."""

from accounts.seats import counts_seats
from entitlements.queries import entitlements_for


@counts_seats
def seats_of(organisation_id: int) -> int:
    """Return how many members an organisation's plan has room for."""
    return entitlements_for(organisation_id).seats
