"""Which deployment runs a request, and which ones are let alone for a while."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from inference.catalog.models import Deployment

MAX_ATTEMPTS = 3
# A circuit opens when, of at least so many requests in a window, half failed …
WINDOW_SECONDS = 30.0
REQUESTS_TO_OPEN = 5
# … or when nobody could be reached so many times in a row.
UNREACHABLE_TO_OPEN = 3
FIRST_PAUSE = 5.0
# A server that is back gets calls within ten seconds, however long it was away; until
# then it costs one call in so many seconds.
LONGEST_PAUSE = 8.0
# What a server asks for itself may be longer.
LONGEST_WISH = 60.0


@dataclass(slots=True)
class Health:
    """What this process has seen of a deployment."""

    window_ends_at: float = 0.0
    requests: int = 0
    failures: int = 0
    unreachable: int = 0
    pause: float = FIRST_PAUSE
    open_until: float = 0.0
    is_probing: bool = False

    def count(self, *, is_failure: bool) -> None:
        now = time.monotonic()
        if now > self.window_ends_at:
            self.window_ends_at = now + WINDOW_SECONDS
            self.requests = self.failures = 0
        self.requests += 1
        self.failures += is_failure


class Router:
    """Chooses by priority, then by weight; opens a circuit that keeps failing."""

    def __init__(self) -> None:
        self.health: dict[int, Health] = {}

    def candidates(
        self, deployments: tuple[Deployment, ...]
    ) -> Iterator[tuple[Deployment, int]]:
        """Yield deployments in the order to try them, and how often they were tried.

        ``MAX_ATTEMPTS`` holds for the whole request, however many there are.
        """
        tried = 0
        for turn in range(MAX_ATTEMPTS):
            is_any_healthy = False
            for deployment in _ordered(deployments):
                if tried == MAX_ATTEMPTS:
                    return
                if not self._may_run(deployment):
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

    def succeeded(self, deployment: Deployment) -> None:
        """Note an answer; it closes an open circuit."""
        health = self._of(deployment)
        health.count(is_failure=False)
        health.unreachable = 0
        if health.open_until:
            self.health[deployment.pk] = Health()

    def failed(self, deployment: Deployment, *, is_unreachable: bool) -> None:
        """Note a failure of the server, not of the request."""
        health = self._of(deployment)
        health.count(is_failure=True)
        health.unreachable = health.unreachable + 1 if is_unreachable else 0
        was_probe, health.is_probing = health.is_probing, False
        now = time.monotonic()
        if not was_probe and health.open_until > now:
            # It was under way when the circuit opened, and says nothing new.
            return
        if (
            was_probe
            or health.unreachable >= UNREACHABLE_TO_OPEN
            or (
                health.requests >= REQUESTS_TO_OPEN
                and health.failures * 2 >= health.requests
            )
        ):
            health.open_until = now + health.pause
            health.pause = min(health.pause * 2, LONGEST_PAUSE)

    def paused(self, deployment: Deployment, pause: float) -> None:
        """Leave a deployment alone as long as it asked to be."""
        self._of(deployment).open_until = time.monotonic() + min(pause, LONGEST_WISH)

    def _may_run(self, deployment: Deployment) -> bool:
        health = self.health.get(deployment.pk)
        if health is None or not health.open_until:
            return True
        now = time.monotonic()
        if health.open_until > now:
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


def _ordered(deployments: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
    # The usual case, without a random number.
    if len(deployments) == 1:
        return deployments
    return tuple(
        sorted(
            deployments,
            # Weighted order without replacement (Efraimidis and Spirakis).
            key=lambda d: (d.priority, -(random.random() ** (1 / max(d.weight, 1)))),  # noqa: S311
        )
    )
