"""How many may belong to an organisation; who sells seats says so.

What an organisation may do is known above this app, so that app registers the
question's answer here, once, when it starts.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils import timezone

from accounts.exceptions import NoSeatLeft
from accounts.models import Organisation

SeatCount = Callable[[int], int]

_counts: list[SeatCount] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """The seats of an organisation: those there are, those taken and those promised."""

    total: int
    members: int
    invited: int = 0

    @property
    def taken(self) -> int:
        return self.members + self.invited

    @property
    def are_full(self) -> bool:
        return self.taken >= self.total


def counts_seats(count: SeatCount) -> SeatCount:
    """Ask the decorated function how many seats an organisation has, by its id."""
    _counts[:] = [count]
    return count


def seats_of(organisation: Organisation) -> Seats:
    """Return the seats of ``organisation``; open invitations hold one each."""
    (count,) = _counts
    return Seats(
        total=count(organisation.pk),
        members=organisation.memberships.count(),
        invited=organisation.invitations.filter(
            accepted_at=None, expires_at__gt=timezone.now()
        ).count(),
    )


def require_seat_to_offer(organisation: Organisation) -> None:
    """Refuse an invitation beyond the seats. The caller holds the row's lock."""
    if seats_of(organisation).are_full:
        raise NoSeatLeft


def require_seat_to_take(organisation: Organisation) -> None:
    """Refuse a member beyond the seats. The caller holds the row's lock.

    Seats may have been taken back since the invitation; the members who are there
    stay.
    """
    seats = seats_of(organisation)
    if seats.members >= seats.total:
        raise NoSeatLeft(NoSeatLeft.message_for_guests)
