"""When to try again what failed: soon at first, then ever more seldom, for hours.

A deploy is over in seconds, an outage in hours; what a night has not healed
waits for a person, in the state ``dead``.
"""

import random
from datetime import timedelta

# With the hour between the last ones, about nine hours in all.
MAX_ATTEMPTS = 20
# An outage that has lasted for hours is asked after once an hour.
LONGEST = 3600


def wait_after(attempts: int, *, ceiling: int = LONGEST) -> timedelta:
    """Return how long to wait after so many failed attempts.

    Doubles from two seconds to ``ceiling``, give or take a fifth: what failed together
    must not come back together.
    """
    seconds = min(2 ** min(attempts, 20), ceiling) * random.uniform(0.8, 1.2)  # noqa: S311
    return timedelta(seconds=seconds)
