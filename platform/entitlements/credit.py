"""What an organisation may spend beyond what its plan includes, as a gateway asks."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Room for usage; all amounts in billionths of a US dollar, at list price.

    ``settled_nano`` is the usage of the calendar month (UTC, as ``202605``) that
    billing has covered, by whatever. ``from_allowance_nano`` is what of the period that
    ends at ``ends_at`` the plan has covered; without an end the period is the month.
    ``remaining_nano`` is credit that nothing was drawn from yet, ``chargeable_nano``
    what may yet be charged in the period, of ``cap_nano`` that may be in a whole one.
    """

    month: str = ""
    settled_nano: int = 0
    from_allowance_nano: int = 0
    remaining_nano: int = 0
    chargeable_nano: int = 0
    cap_nano: int = 0
    ends_at: datetime | None = None

    def most_of(self, month: str, allowance_nano: int) -> int:
        """Return the most that a month may come to, what was spent included.

        Settling changes nothing in it: what leaves the room arrives in
        ``settled_nano``. So a copy stays right while calls are settled. A plan that
        became smaller within its period takes nothing back of what the larger covered.
        """
        if month == self.month:
            return self.settled_nano + self.room(allowance_nano)
        if self._holds_beyond(month):
            return self.room(allowance_nano)
        return allowance_nano + self.remaining_nano + self.cap_nano

    def room(self, allowance_nano: int) -> int:
        """Return what may still be used in the period."""
        included = max(allowance_nano - self.from_allowance_nano, 0)
        return included + self.remaining_nano + self.chargeable_nano

    def less(self, used_nano: int, allowance_nano: int) -> Self:
        """Return what is left after usage: of the plan, of credit, of the cap."""
        included = min(max(allowance_nano - self.from_allowance_nano, 0), used_nano)
        drawn = min(self.remaining_nano, used_nano - included)
        charged = min(self.chargeable_nano, used_nano - included - drawn)
        return replace(
            self,
            from_allowance_nano=self.from_allowance_nano + included,
            remaining_nano=self.remaining_nano - drawn,
            chargeable_nano=self.chargeable_nano - charged,
        )

    def has_ended(self, at: datetime) -> bool:
        """Tell whether another period has begun since."""
        if self.ends_at is None:
            return bool(self.month) and self.month != f"{at.astimezone(UTC):%Y%m}"
        return self.ends_at <= at

    def _holds_beyond(self, month: str) -> bool:
        """Tell whether the period reaches into the month after its own."""
        if self.ends_at is None:
            return False
        return self.ends_at > datetime.strptime(month, "%Y%m").replace(tzinfo=UTC)


NO_CREDIT = Credit()
