"""When things happen: more on working days, more by day, more every week."""

import random
from bisect import bisect
from datetime import datetime, timedelta
from itertools import accumulate

HOUR = timedelta(hours=1)
# Monday first; and the hours of a day in UTC, for people from Lisbon to Shanghai.
WEEK = (1.0, 1.1, 1.08, 1.04, 0.86, 0.42, 0.38)
DAY = (
    *(0.35, 0.4, 0.5, 0.6, 0.7, 0.75, 0.85, 1.0, 1.2, 1.3, 1.25, 1.1),
    *(1.05, 1.2, 1.3, 1.2, 1.05, 0.9, 0.8, 0.75, 0.65, 0.55, 0.45, 0.4),
)


class Rhythm:
    """The hours between two moments, and how much happens in each.

    ``growth`` is how much busier the last hour is than the first.
    """

    def __init__(self, start: datetime, end: datetime, *, growth: float) -> None:
        self.start = start
        self.end = end
        self.hours = max(int((end - start) / HOUR), 1)
        self._sums = list(
            accumulate(
                WEEK[moment.weekday()]
                * DAY[moment.hour]
                * (1 + (growth - 1) * hour / self.hours)
                for hour in range(self.hours)
                for moment in [start + hour * HOUR]
            )
        )

    def moment(self, rng: random.Random) -> datetime:
        """Return a moment; busy hours come up more often."""
        hour = bisect(self._sums, rng.random() * self._sums[-1])
        moment = self.start + min(hour, self.hours - 1) * HOUR
        return moment + timedelta(seconds=rng.randrange(3_600))

    def moments(self, count: int, rng: random.Random) -> list[datetime]:
        """Return ``count`` moments in their order."""
        return sorted(self.moment(rng) for _ in range(count))
