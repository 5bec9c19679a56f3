"""Refusals that a plan could have prevented: told once a day for each organisation.

The refused request does not wait for it: what is new is handed to a thread, which notes
it in Redis. A worker makes facts of what was noted.
"""

import asyncio
from datetime import UTC, datetime

from contracts.inference import CallRefused
from inference.protocol.errors import APIError
from outbox import publish
from outbox.buffers import Buffer

# One item for each organisation, code and day; a worker empties it within seconds.
NOTED = Buffer("gateway:refusals", limit=100_000)
# What this process remembers to have noted; forgotten, it is noted once more.
MOST_REMEMBERED = 50_000
_remembered: set[str] = set()


def note(error: APIError) -> None:
    """Note a refusal whose caller could choose a plan, unless it is known of today."""
    if error.organisation_id is None:
        return
    day = datetime.now(UTC).date().isoformat()
    item = f"{error.organisation_id}:{error.code}:{day}"
    if item in _remembered:
        return
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    _remembered.add(item)
    asyncio.get_running_loop().run_in_executor(None, NOTED.add, item)


def flush() -> int:
    """Make facts of what was noted; return how many.

    Several processes may have noted the same, so one batch tells it once.
    """
    return NOTED.flush(_write)


def _write(items: list[bytes]) -> int:
    told = dict.fromkeys(items)
    for item in told:
        organisation_id, code, day = item.decode().split(":")
        publish(CallRefused(organisation_id=int(organisation_id), code=code, day=day))
    return len(told)
