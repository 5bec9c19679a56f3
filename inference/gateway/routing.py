"""Which deployment runs a request, and which ones are let alone for a while."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from inference.catalog.models import Deployment

MAX_ATTEMPTS = 3
FAILURES_TO_OPEN = 3
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class Health:
    """What this process has seen of a deployment."""

    failures: int = 0
    pause: float = FIRST_PAUSE
    open_until: float = 0.0
    is_probing: bool = False


class Router:
    """Chooses by priority, then by weight; opens a circuit that keeps failing."""

    def __init__(self) -> None:
        self.health: dict[int, Health] = {}

    def candidates(self, deployments: tuple[Deployment, ...]) -> Iterator[Deployment]:
        """Yield healthy deployments in the order to try them, a few times over."""
        tried = 0
        while tried < MAX_ATTEMPTS:
            healthy = [d for d in deployments if self._may_run(d)]
            if not healthy:
                return
            for deployment in _ordered(healthy):
                if tried == MAX_ATTEMPTS:
                    return
                tried += 1
                yield deployment

    def wait(self, deployments: tuple[Deployment, ...]) -> float:
        """Return the seconds until the first circuit may close again."""
        now = time.monotonic()
        waits = [self._of(d).open_until - now for d in deployments]
        return max(0.0, min(waits, default=FIRST_PAUSE))

    def succeeded(self, deployment: Deployment) -> None:
        self.health.pop(deployment.pk, None)

    def failed(self, deployment: Deployment, *, pause: float | None = None) -> None:
        """Note a failure; ``pause`` is what the server itself asked for."""
        health = self._of(deployment)
        health.failures += 1
        was_probe, health.is_probing = health.is_probing, False
        if pause is not None:
            health.open_until = time.monotonic() + min(pause, LONGEST_PAUSE)
        elif was_probe or health.failures >= FAILURES_TO_OPEN:
            health.open_until = time.monotonic() + health.pause
            health.pause = min(health.pause * 2, LONGEST_PAUSE)

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
        return self.health.setdefault(deployment.pk, Health())


def _ordered(deployments: list[Deployment]) -> list[Deployment]:
    # The usual case, without a random number.
    if len(deployments) == 1:
        return deployments
    return sorted(
        deployments,
        # Weighted order without replacement (Efraimidis and Spirakis).
        key=lambda d: (d.priority, -(random.random() ** (1 / max(d.weight, 1)))),  # noqa: S311
    )
