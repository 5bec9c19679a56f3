"""Why a deployment is let alone, as the process that saw it wrote it down for staff.

Processes judge by what they tell each other; these notes are for people, and no call is
routed by them. They end by themselves where nothing is seen any more.
"""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from redis.exceptions import RedisError

from core.errors import Unavailable
from inference.routing.router import Health, Sighting, Why
from stores.redis import client, prefixed

# A server that is let alone is looked at every two seconds, so news are younger; one
# that nobody calls and that failed for reasons no look can mend has none for longer.
NOTE_SECONDS = 600
# Who met failures is a handful, or everybody; then more names say nothing.
MOST_CALLERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitNote:
    """What was seen of a deployment. Moments are seconds since 1970.

    ``callers`` are organisations that met it, ``requests`` and ``failures`` those of
    the half minute it was judged by.
    """

    why: Why
    opened_at: float
    open_until: float
    callers: tuple[int, ...]
    requests: int
    failures: int

    @property
    def is_probing(self) -> bool:
        """Whether the next call is to find out how it is."""
        return self.open_until <= time.time()


def circuit_key(deployment_id: int) -> str:
    """Return the Redis key of a deployment's note."""
    return prefixed(f"gw:circuit:{deployment_id}")


def written_note(health: Health) -> bytes | None:
    """Return what is written of a deployment; nothing where its circuit is closed."""
    if not health.open_until or health.why is None:
        return None
    is_limited = health.why == "limited"
    callers = health.limited_callers if is_limited else health.failed_callers
    to_wall = time.time() - time.monotonic()
    note = CircuitNote(
        why=health.why,
        opened_at=to_wall + health.opened_at,
        open_until=to_wall + health.open_until,
        # Nought is a look of ours.
        callers=tuple(sorted(callers - {0})[:MOST_CALLERS]),
        requests=health.requests,
        failures=health.failures,
    )
    return orjson.dumps(asdict(note))


def read_notes(deployment_ids: Iterable[int]) -> dict[int, CircuitNote]:
    """Return the notes there are. One round trip; raises ``Unavailable``."""
    ids = list(deployment_ids)
    if not ids:
        return {}
    try:
        notes = client().mget([circuit_key(pk) for pk in ids])
    except RedisError as error:
        raise Unavailable from error
    return {pk: _read(note) for pk, note in zip(ids, notes, strict=True) if note}


def announce_closed(deployment_id: int, *, channel: str) -> None:
    """Have every process close a circuit. Raises ``Unavailable``."""
    sighting = Sighting(what="recovered", deployment=deployment_id)
    told = orjson.dumps({**asdict(sighting), "by": "staff"})
    try:
        with client().pipeline(transaction=True) as both:
            both.publish(prefixed(channel), told)
            both.delete(circuit_key(deployment_id))
            both.execute()
    except RedisError as error:
        raise Unavailable from error


def _read(note: bytes) -> CircuitNote:
    value: dict[str, Any] = orjson.loads(note)
    return CircuitNote(**{**value, "callers": tuple(value["callers"])})
