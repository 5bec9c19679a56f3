"""The health of deployments: looked at without a caller, and shared over processes.

A server that is let alone is looked at every two seconds, so that no caller's request
has to find out whether it is back; one that nobody has heard of for a while is looked
at before a call needs it. One process looks for all.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

import hiredis
import orjson

from core.errors import Unavailable
from inference.catalog.models import Deployment
from inference.directory.directory import Directory
from inference.directory.offers import OfferedModel
from inference.providers.base import Provider, UpstreamFailed
from inference.routing.notes import NOTE_SECONDS, circuit_key, written_note
from inference.routing.router import Health, Router, Sighting
from stores.lean_redis import LeanRedis, RedisDown
from stores.redis import prefixed

logger = logging.getLogger(__name__)
CHANNEL = "deployments"
TICK_SECONDS = 0.5  # a quarter of the shortest pause between two looks
# As long as a model server takes to be back at best; less would only ask in vain.
URGENT_SECONDS = 2.0
IDLE_SECONDS = 30.0  # a look costs a millisecond and no tokens; half a window
# Of a key that is refused, or a server that says it cannot.
REFUSED = {401, 402, 403}
SERVER_ERRORS = 500  # HTTP


class Lookout:
    """Looks at deployments, and tells and hears what processes see of them."""

    def __init__(
        self, redis: LeanRedis, directory: Directory, providers: Mapping[str, Provider]
    ) -> None:
        self.redis = redis
        self.directory = directory
        self.providers = providers
        self.router = Router(self._notify, self._record)
        # Set by the part that tells staff of what only they can put right.
        self.raise_alarm: Callable[[Deployment, int], None] = lambda _d, _s: None
        self.looking: set[asyncio.Task[None]] = set()
        # Tells this process's own sightings from others'.
        self.name = os.urandom(8).hex()

    async def look_forever(self) -> None:
        """Look at what is let alone or silent, as one process of all that run."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self._look_at_all()
            except (RedisDown, hiredis.ReplyError, Unavailable):
                # Who looks is agreed on in Redis; without it callers find out.
                continue

    async def hear(self, message: str) -> None:
        """Take in what another process saw."""
        try:
            told = orjson.loads(message)
            if told.pop("by", None) != self.name:
                self.router.hear(Sighting(**told))
        except (TypeError, ValueError):
            # Of a release that tells more than this one knows.
            logger.warning("deployments.unreadable", extra={"said": message[:200]})

    async def _look_at_all(self) -> None:
        places: dict[tuple[str, str], list[Deployment]] = {}
        for model in (await self._models()).values():
            for deployment in model.deployments:
                if deployment.base_url and self._is_due(deployment):
                    # One server runs many models, with one key.
                    place = (deployment.base_url, deployment.credential)
                    places.setdefault(place, []).append(deployment)
        for deployments in places.values():
            if await self._claim(deployments[0]):
                task = asyncio.ensure_future(self._look(deployments))
                self.looking.add(task)
                task.add_done_callback(self.looking.discard)

    async def _models(self) -> dict[str, OfferedModel]:
        """Return the models as they are known: nothing is read for a look alone.

        What was announced to have changed is read at once, the rest now and then.
        """
        directory = self.directory
        if time.monotonic() < directory.models_end_at + IDLE_SECONDS:
            return directory.models
        return await directory.offered()

    def _is_due(self, deployment: Deployment) -> bool:
        # What was refused a moment ago is looked at now; who looks is agreed on.
        return (
            self.router.needs_look(deployment)
            or self.router.silence(deployment) >= IDLE_SECONDS
        )

    async def _claim(self, deployment: Deployment) -> bool:
        """Tell whether this process is the one that looks now."""
        is_urgent = self.router.needs_look(deployment)
        pause = URGENT_SECONDS if is_urgent else IDLE_SECONDS
        name = prefixed(f"gw:look:{deployment.pk}:{pause:g}")
        milliseconds = int(pause * 1000) - 100  # a late tick is not a lost turn
        claimed = await self.redis.call("SET", name, "1", "NX", "PX", milliseconds)
        return claimed is not None

    async def _look(self, deployments: list[Deployment]) -> None:
        first = deployments[0]
        is_there = True
        try:
            status = await self.providers[first.provider].look(first)
        except UpstreamFailed as failure:
            # Slow is not gone: a server under load may have no time for us.
            status, is_there = failure.status, not failure.is_unreachable
        for deployment in deployments:
            if not is_there:
                self.router.unreached(deployment, is_certain=False)
            elif status in REFUSED:
                self.router.unreached(deployment, is_certain=True)
                self.raise_alarm(deployment, status)
            elif 0 < status < SERVER_ERRORS:
                self.router.reached(deployment)

    def _notify(self, sighting: Sighting) -> None:
        told = orjson.dumps({**asdict(sighting), "by": self.name})
        self.redis.tell("PUBLISH", prefixed(CHANNEL), told)

    def _record(self, deployment_id: int) -> None:
        """Write down for staff why a circuit is open, or that it is no more."""
        key = circuit_key(deployment_id)
        note = written_note(self.router.health.get(deployment_id, Health()))
        if note is None:
            self.redis.tell("DEL", key)
        else:
            self.redis.tell("SET", key, note, "EX", NOTE_SECONDS)
