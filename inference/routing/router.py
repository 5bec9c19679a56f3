"""Which deployment runs a request, and which ones are let alone for a while.

A failure counts once for each request. Those that a request itself may have brought
about close a deployment for all only when several callers saw them; the one caller
who did is sent elsewhere first, while there is an elsewhere.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from inference.catalog.models import Deployment

MAX_ATTEMPTS = 3  # what a caller waits for: a first try and two more
# A circuit opens when, of at least so many requests in a window, half failed, of at
# least so many callers …
WINDOW_SECONDS = 30.0
# Fewer than five say little: half of them is two.
REQUESTS_TO_OPEN = 5
CALLERS_TO_OPEN = 2
# … or when so many requests in a row met what no request can bring about.
CERTAIN_TO_OPEN = 3
FIRST_PAUSE = 5.0  # a server restarts in about as long
# A server that is back gets calls within ten seconds, however long it was away; until
# then it costs one call in so many seconds.
LONGEST_PAUSE = 8.0
# What a server asks for itself may be longer.
LONGEST_WISH = 60.0
# More than this many callers need not be told apart.
MOST_DOUBTS = 1000


@dataclass(slots=True)
class Health:
    """What this process has seen of a deployment. Callers are organisations."""

    window_ends_at: float = 0.0
    requests: int = 0
    failures: int = 0
    failed_callers: set[int] = field(default_factory=set)
    limited_callers: set[int] = field(default_factory=set)
    certain: int = 0
    pause: float = FIRST_PAUSE
    open_until: float = 0.0
    is_probing: bool = False
    # It asked to be left alone: callers are told of its limit, not of a failure.
    is_limited: bool = False
    # Until when a caller who met a failure is sent elsewhere first.
    doubts: dict[int, float] = field(default_factory=dict)

    def count(self, *, is_failure: bool) -> None:
        now = time.monotonic()
        if now > self.window_ends_at:
            self.window_ends_at = now + WINDOW_SECONDS
            self.requests = self.failures = 0
            self.failed_callers.clear()
            self.limited_callers.clear()
        self.requests += 1
        self.failures += is_failure

    def doubt(self, caller: int) -> None:
        if len(self.doubts) >= MOST_DOUBTS:
            self.doubts.clear()
        self.doubts[caller] = time.monotonic() + WINDOW_SECONDS

    def is_doubted_by(self, caller: int) -> bool:
        return bool(self.doubts) and self.doubts.get(caller, 0.0) > time.monotonic()

    @property
    def has_failed_enough(self) -> bool:
        return self.certain >= CERTAIN_TO_OPEN or (
            self.requests >= REQUESTS_TO_OPEN
            and self.failures * 2 >= self.requests
            and len(self.failed_callers) >= CALLERS_TO_OPEN
        )


class Router:
    """Chooses by priority, then by weight; opens a circuit that keeps failing."""

    def __init__(self) -> None:
        self.health: dict[int, Health] = {}

    def candidates(
        self,
        deployments: tuple[Deployment, ...],
        *,
        caller: int = 0,
        left_out: "set[int] | frozenset[int]" = frozenset(),
    ) -> Iterator[tuple[Deployment, int]]:
        """Yield deployments in the order to try them, and how often they were tried.

        ``MAX_ATTEMPTS`` holds for the whole request, however many there are; what is
        added to ``left_out`` meanwhile is not tried again.
        """
        tried = 0
        for turn in range(MAX_ATTEMPTS):
            is_any_healthy = False
            for deployment in self._ordered(deployments, caller):
                if tried == MAX_ATTEMPTS:
                    return
                if deployment.pk in left_out or not self._may_run(deployment, caller):
                    continue
                is_any_healthy = True
                tried += 1
                yield deployment, turn
            if not is_any_healthy:
                return

    def wait(self, deployments: tuple[Deployment, ...]) -> float:
        """Return the seconds until the first circuit may close again."""
        now = time.monotonic()
        waits = [self._of(d).open_until - now for d in deployments]
        return max(0.0, min(waits, default=FIRST_PAUSE))

    def are_limited(self, deployments: tuple[Deployment, ...]) -> bool:
        """Tell whether they are let alone because each asked for it."""
        return all(self._of(d).is_limited for d in deployments)

    def succeeded(self, deployment: Deployment, caller: int = 0) -> None:
        """Note an answer; it closes an open circuit."""
        health = self._of(deployment)
        health.count(is_failure=False)
        health.certain = 0
        health.doubts.pop(caller, None)
        if health.open_until:
            self.health[deployment.pk] = Health()

    def answered(self, deployment: Deployment) -> None:
        """Note an answer to a request that was wrong: the server is there."""
        self._of(deployment).certain = 0
        self._of(deployment).is_probing = False

    def failed(
        self, deployment: Deployment, caller: int = 0, *, is_certain: bool
    ) -> None:
        """Note a request that failed, once for each."""
        health = self._of(deployment)
        health.count(is_failure=True)
        health.failed_callers.add(caller)
        health.doubt(caller)
        health.certain = health.certain + 1 if is_certain else 0
        was_probe, health.is_probing = health.is_probing, False
        now = time.monotonic()
        if not was_probe and health.open_until > now:
            # It was under way when the circuit opened, and says nothing new.
            return
        if was_probe or health.has_failed_enough:
            health.is_limited = False
            health.open_until = now + health.pause
            health.pause = min(health.pause * 2, LONGEST_PAUSE)

    def limited(self, deployment: Deployment, caller: int, pause: float) -> None:
        """Note an upstream's limit: one caller's is a matter of order, more a pause."""
        health = self._of(deployment)
        health.count(is_failure=False)
        health.limited_callers.add(caller)
        health.doubt(caller)
        health.is_probing = False
        if len(health.limited_callers) >= CALLERS_TO_OPEN:
            health.is_limited = True
            health.open_until = time.monotonic() + min(pause, LONGEST_WISH)

    def _may_run(self, deployment: Deployment, caller: int) -> bool:
        health = self.health.get(deployment.pk)
        if health is None or not health.open_until:
            return True
        now = time.monotonic()
        if health.open_until > now:
            return False
        if not health.certain and health.is_doubted_by(caller):
            # Whose own requests may be what fails finds out nothing for the others.
            return False
        # Half open: one request finds out, the others wait a while for it.
        health.is_probing = True
        health.open_until = now + FIRST_PAUSE
        return True

    def _of(self, deployment: Deployment) -> Health:
        health = self.health.get(deployment.pk)
        if health is None:
            health = self.health[deployment.pk] = Health()
        return health

    def _ordered(
        self, deployments: tuple[Deployment, ...], caller: int
    ) -> tuple[Deployment, ...]:
        # The usual case, without a random number.
        if len(deployments) == 1:
            return deployments
        return tuple(
            sorted(
                deployments,
                # Weighted order without replacement (Efraimidis and Spirakis).
                key=lambda d: (
                    self._of(d).is_doubted_by(caller),
                    d.priority,
                    -(random.random() ** (1 / max(d.weight, 1))),  # noqa: S311
                ),
            )
        )
