"""What happens when: planned in any order, played in the order of time."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count

from demo.clock import Clock

DAY = timedelta(days=1)
Deed = Callable[[], object]
_Entry = tuple[datetime, int, Deed]


class Calendar:
    """Deeds with their moments. A deed may plan others, not before its own moment."""

    def __init__(self) -> None:
        self._planned: list[_Entry] = []
        # Of two at one moment the one that was planned first comes first.
        self._order = count()

    def plan(
        self, moment: datetime, deed: Callable[..., object], *given: object
    ) -> None:
        """Have ``deed`` done at ``moment``, with what is given."""
        entry: _Entry = (moment, next(self._order), partial(deed, *given))
        heappush(self._planned, entry)

    def play(self, clock: Clock, *, until: datetime, at_night: Iterable[Deed]) -> None:
        """Do everything before ``until`` in its moment, ``at_night`` after each day.

        The last night is ``until`` itself.
        """
        night = clock.moment + DAY
        while clock.moment < until:
            end = min(night, until)
            while self._planned and self._planned[0][0] < end:
                moment, _order, deed = heappop(self._planned)
                clock.set(max(moment, clock.moment))
                deed()
            clock.set(end)
            for deed in at_night:
                deed()
            night += DAY
