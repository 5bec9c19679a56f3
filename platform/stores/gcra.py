"""The generic cell rate algorithm: the one rate limiter there is, in Lua and here.

A key holds the theoretical arrival time: when all that was let in will have been
earned. An action moves it by an increment, and waits where it would come to lie
further ahead than a window. Times in microseconds.
"""

import threading
import time

# The beginning of every script that limits. Redis' own clock decides, so processes
# with different clocks agree.
GCRA = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]

-- Returns the arrival time, the one after the action, and how long that has to wait.
local function arrive(key, increment, window)
  local before = math.max(tonumber(redis.call('GET', key) or now), now)
  local after = before + increment
  return before, after, after - now - window
end

-- An arrival time that is over says nothing any more: the key ends with it.
local function let_in(key, after)
  redis.call('SET', key, string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1)
end
"""


class LocalArrivals:
    """The same in one process, for while Redis is away. Safe between threads."""

    def __init__(self, most_names: int) -> None:
        self.most_names = most_names
        # Oldest first: beyond the most names the oldest are forgotten.
        self._times: dict[object, int] = {}
        self._lock = threading.Lock()

    def arrive(self, name: object, *, increment: int, window: int) -> tuple[int, int]:
        """Return how long an action has to wait, and how far ahead its name is then.

        One that has to wait is not counted.
        """
        now = time.monotonic_ns() // 1000
        with self._lock:
            before = max(self._times.pop(name, now), now)
            after = before + increment
            wait = after - now - window
            self._times[name] = before if wait > 0 else after
            while len(self._times) > self.most_names:
                self._times.pop(next(iter(self._times)))
        return (wait, before - now) if wait > 0 else (0, after - now)

    def forget(self, name: object) -> None:
        """Give a name the whole of its limit back."""
        with self._lock:
            self._times.pop(name, None)
