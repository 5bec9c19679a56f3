"""Which deployment runs a request, and which ones are let alone for a while.

A failure counts once for each request. Those that a request itself may have brought
about close a deployment for all only when several callers saw them; the one caller
who did is sent elsewhere first, while there is an elsewhere. What one process sees is
told to the others, so that all of them judge by the same evidence.
"""

import hashlib
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

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
# Who shares a beginning is sent to one place while that has at most so much more to do
# than its part: what is kept there saves less than waiting costs.
CROWDED = 1.25


Why = Literal["failures", "unreachable", "refused", "limited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one process saw of a deployment, as it tells the others.

    ``requests`` is how many had gone well there since it last told something.
    """

    what: Literal["failed", "limited", "probing", "unreached", "recovered"]
    deployment: int
    caller: int = 0
    is_certain: bool = False
    pause: float = 0.0
    requests: int = 0


@dataclass(slots=True)
class Health:
    """What this process has seen of a deployment. Callers are organisations."""

    window_ends_at: float = 0.0
    requests: int = 0
    failures: int = 0
    # Of ``requests``, how many other processes have not heard of.
    untold: int = 0
    heard_at: float = 0.0
    failed_callers: set[int] = field(default_factory=set)
    limited_callers: set[int] = field(default_factory=set)
    certain: int = 0
    # A caller met what only a look can tell from a fault of the request.
    is_suspect: bool = False
    pause: float = FIRST_PAUSE
    open_until: float = 0.0
    # Since when, and by which evidence.
    opened_at: float = 0.0
    why: Why | None = None
    is_probing: bool = False
    # It asked to be left alone: callers are told of its limit, not of a failure.
    is_limited: bool = False
    # Until when a caller who met a failure is sent elsewhere first.
    doubts: dict[int, float] = field(default_factory=dict)

    def count(self, *, is_failure: bool, others: int | None = None) -> None:
        """Count a request: one of ours, or one another process tells of with more."""
        self.heard_at = now = time.monotonic()
        if now > self.window_ends_at:
            self.window_ends_at = now + WINDOW_SECONDS
            self.requests = self.failures = 0
            self.failed_callers.clear()
            self.limited_callers.clear()
        self.requests += 1 + (others or 0)
        self.untold += others is None
        self.failures += is_failure

    def take_untold(self) -> int:
        """Return how many requests the others have not heard of, and tell of them."""
        untold, self.untold = self.untold, 0
        return max(0, untold - 1)

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
    """Chooses by priority, then by load and weight; opens a circuit that keeps failing.

    ``notify`` is called with each sighting that other processes are to ``hear`` of,
    ``record`` with a deployment whose circuit this process opened or closed.
    """

    def __init__(
        self,
        notify: Callable[[Sighting], None] | None = None,
        record: Callable[[int], None] | None = None,
    ) -> None:
        self.health: dict[int, Health] = {}
        # How many requests of this process are at each deployment.
        self.load: dict[int, int] = {}
        self._notify = notify or (lambda _sighting: None)
        self._record = record or (lambda _deployment: None)

    def candidates(
        self,
        deployments: tuple[Deployment, ...],
        *,
        caller: int = 0,
        left_out: "set[int] | frozenset[int]" = frozenset(),
        beginning: bytes = b"",
        most: int = MAX_ATTEMPTS,
    ) -> Iterator[tuple[Deployment, int]]:
        """Yield deployments in the order to try them, and how often they were tried.

        ``most`` holds for all of them, however many there are; what is added to
        ``left_out`` meanwhile is not tried again. Requests with the same
        ``beginning`` go to the same place, which may have kept what it made of it.
        """
        tried = 0
        for turn in range(most):
            is_any_healthy = False
            for deployment in self._ordered(deployments, caller, beginning):
                if tried == most:
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
        waits = [self._of(d.pk).open_until - now for d in deployments]
        return max(0.0, min(waits, default=FIRST_PAUSE))

    def are_limited(self, deployments: tuple[Deployment, ...]) -> bool:
        """Tell whether they are let alone because each asked for it."""
        return all(self._of(d.pk).is_limited for d in deployments)

    def needs_look(self, deployment: Deployment) -> bool:
        """Tell whether it is to be found out how a deployment is, soon."""
        health = self.health.get(deployment.pk)
        return health is not None and bool(
            health.open_until or health.certain or health.is_suspect
        )

    def suspect(self, deployment: Deployment) -> None:
        """Have a deployment looked at: a key was refused, maybe for the words."""
        self._of(deployment.pk).is_suspect = True

    def silence(self, deployment: Deployment) -> float:
        """Return the seconds since a deployment was last heard of."""
        health = self.health.get(deployment.pk)
        return time.monotonic() - (health.heard_at if health is not None else 0.0)

    def succeeded(self, deployment: Deployment, caller: int = 0) -> None:
        """Note an answer; it closes an open circuit."""
        health = self._of(deployment.pk)
        health.count(is_failure=False)
        health.certain = 0
        health.doubts.pop(caller, None)
        if health.open_until:
            self._recover(deployment.pk)

    def answered(self, deployment: Deployment) -> None:
        """Note an answer to a request that was wrong: the server is there."""
        health = self._of(deployment.pk)
        health.certain = 0
        health.is_probing = False

    def failed(
        self, deployment: Deployment, caller: int = 0, *, is_certain: bool
    ) -> None:
        """Note a request that failed, once for each."""
        self._fail(deployment.pk, caller, is_certain=is_certain)
        self._notify(
            Sighting(
                what="failed",
                deployment=deployment.pk,
                caller=caller,
                is_certain=is_certain,
                requests=self._of(deployment.pk).take_untold(),
            )
        )
        self._record_open(deployment.pk)

    def limited(self, deployment: Deployment, caller: int, pause: float) -> None:
        """Note an upstream's limit: one caller's is a matter of order, more a pause."""
        self._limit(deployment.pk, caller, pause)
        self._notify(
            Sighting(
                what="limited", deployment=deployment.pk, caller=caller, pause=pause
            )
        )
        self._record_open(deployment.pk)

    def reached(self, deployment: Deployment) -> None:
        """Note that a server is there, without a request: it mends what was certain."""
        health = self._of(deployment.pk)
        health.heard_at = time.monotonic()
        health.is_suspect = False
        if health.certain and health.open_until:
            self._recover(deployment.pk)
        health.certain = 0

    def unreached(self, deployment: Deployment, *, is_certain: bool) -> None:
        """Note that a server is not there, though no request asked for it.

        ``is_certain`` closes it at once: it said that it will not serve us.
        """
        self._unreach(deployment.pk, is_certain=is_certain)
        self._notify(
            Sighting(what="unreached", deployment=deployment.pk, is_certain=is_certain)
        )
        self._record_open(deployment.pk)

    def hear(self, sighting: Sighting) -> None:
        """Note what another process saw."""
        pk, caller = sighting.deployment, sighting.caller
        if sighting.what == "failed":
            self._fail(
                pk, caller, is_certain=sighting.is_certain, others=sighting.requests
            )
        elif sighting.what == "limited":
            self._limit(pk, caller, sighting.pause, others=0)
        elif sighting.what == "unreached":
            self._unreach(pk, is_certain=sighting.is_certain)
        elif sighting.what == "recovered":
            self._close(pk)
        elif self._of(pk).open_until:
            self._of(pk).open_until = time.monotonic() + FIRST_PAUSE

    def _fail(
        self, pk: int, caller: int, *, is_certain: bool, others: int | None = None
    ) -> None:
        health = self._of(pk)
        health.count(is_failure=True, others=others)
        health.failed_callers.add(caller)
        health.doubt(caller)
        was_probe, health.is_probing = health.is_probing, False
        now = time.monotonic()
        if is_certain:
            health.certain += 1
        elif health.open_until <= now:
            # What was under way when the circuit opened changes no reason for it.
            health.certain = 0
        if not was_probe and health.open_until > now:
            # It was under way when the circuit opened, and says nothing new.
            return
        if was_probe or health.has_failed_enough:
            is_gone = health.certain >= CERTAIN_TO_OPEN
            self._open(health, "unreachable" if is_gone else "failures")

    def _limit(
        self, pk: int, caller: int, pause: float, *, others: int | None = None
    ) -> None:
        health = self._of(pk)
        health.count(is_failure=False, others=others)
        health.limited_callers.add(caller)
        health.doubt(caller)
        health.is_probing = False
        if len(health.limited_callers) >= CALLERS_TO_OPEN:
            self._mark_open(health, "limited")
            health.is_limited = True
            health.open_until = time.monotonic() + min(pause, LONGEST_WISH)

    def _unreach(self, pk: int, *, is_certain: bool) -> None:
        health = self._of(pk)
        health.heard_at = time.monotonic()
        health.is_suspect = False
        health.certain += CERTAIN_TO_OPEN if is_certain else 1
        if health.open_until or health.certain >= CERTAIN_TO_OPEN:
            self._open(health, "refused" if is_certain else "unreachable")

    def _open(self, health: Health, why: Why) -> None:
        self._mark_open(health, why)
        health.is_limited = False
        health.open_until = time.monotonic() + health.pause
        health.pause = min(health.pause * 2, LONGEST_PAUSE)

    def _mark_open(self, health: Health, why: Why) -> None:
        """Note why a circuit opens, and when: a probe that fails is no new one."""
        health.why = why
        if not health.open_until:
            health.opened_at = time.monotonic()

    def _record_open(self, pk: int) -> None:
        if self._of(pk).open_until:
            self._record(pk)

    def _recover(self, pk: int) -> None:
        self._close(pk)
        self._notify(Sighting(what="recovered", deployment=pk))
        self._record(pk)

    def _close(self, pk: int) -> None:
        self.health[pk] = Health(heard_at=time.monotonic())

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
        self._notify(Sighting(what="probing", deployment=deployment.pk))
        return True

    def _of(self, pk: int) -> Health:
        health = self.health.get(pk)
        if health is None:
            health = self.health[pk] = Health()
        return health

    def _ordered(
        self, deployments: tuple[Deployment, ...], caller: int, beginning: bytes
    ) -> tuple[Deployment, ...]:
        # The usual case, without a random number.
        if len(deployments) == 1:
            return deployments
        fair = self._fair_share(deployments) if beginning else 0.0

        def rank(deployment: Deployment) -> tuple[float, ...]:
            weight = max(deployment.weight, 1)
            busy = self.load.get(deployment.pk, 0) / weight
            first = (self._of(deployment.pk).is_doubted_by(caller), deployment.priority)
            if beginning:
                is_crowded = busy > fair * CROWDED
                return (
                    *first,
                    is_crowded,
                    _distance(beginning, deployment.pk) / weight,
                )
            # Weighted order without replacement (Efraimidis and Spirakis) among those
            # that have as little to do.
            return (*first, busy, -(random.random() ** (1 / weight)))  # noqa: S311

        return tuple(sorted(deployments, key=rank))

    def _fair_share(self, deployments: tuple[Deployment, ...]) -> float:
        """Return what each would have to do, one request more included."""
        load = 1 + sum(self.load.get(each.pk, 0) for each in deployments)
        return load / sum(max(each.weight, 1) for each in deployments)


def _distance(beginning: bytes, pk: int) -> float:
    """Return how far a place is from a beginning: the same everywhere, always.

    Divided by a weight, the nearest is as likely as that (rendezvous hashing): one
    place more or less moves only its own share.
    """
    digest = hashlib.blake2b(beginning, digest_size=8, salt=pk.to_bytes(8, "big"))
    share = (int.from_bytes(digest.digest(), "big") + 1) / (2**64 + 1)
    return -math.log(share)
