"""What an organisation may spend beyond what its plan includes, as a gateway asks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Room beyond a plan's allowance; all amounts in billionths of a US dollar.

    ``month`` is the calendar month (UTC, as ``202605``) that the next two are about:
    what of its usage the plan covered, and what went beyond that. ``remaining_nano`` is
    credit that nothing was drawn from yet.
    """

    month: str = ""
    from_allowance_nano: int = 0
    beyond_nano: int = 0
    remaining_nano: int = 0

    def most_of(self, month: str, allowance_nano: int) -> int:
        """Return the most that a month may come to, what was spent included.

        Drawing credit changes nothing in it: what leaves ``remaining_nano`` arrives in
        ``beyond_nano``. So a copy stays right while calls are settled. A plan that
        became smaller within the month takes nothing back of what the larger covered.
        """
        if month != self.month:
            return allowance_nano + self.remaining_nano
        covered = max(allowance_nano, self.from_allowance_nano) + self.beyond_nano
        return covered + self.remaining_nano


NO_CREDIT = Credit()
