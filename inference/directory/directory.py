"""What a process knows without asking: keys, plans and models, for seconds.

A key or plan that changes is announced through Redis and forgotten at once;
without Redis the copies end by themselves after ``KEY_SECONDS``. Without
PostgreSQL nothing can change, so the copies are good for a while longer.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import Error as DatabaseError
from django.utils import timezone

from core.errors import Unavailable
from inference.directory.callers import Caller
from inference.directory.loading import load_caller, load_models
from inference.directory.offers import OfferedModel
from inference.keys import secrets
from inference.protocol import errors
from stores.threads import in_thread

# How long a revoked key may still be used where Redis announces nothing.
KEY_SECONDS = 5.0
CATALOGUE_SECONDS = 3.0  # three queries for each process, and no more often than that
MAX_UNKNOWN = 10_000  # a few megabytes of names that open nothing
# Copies are used so much longer while the database cannot be asked.
OUTAGE_SECONDS = 60.0
MAX_READS = 5  # changes come by the second at most, a read takes milliseconds
# Keys that look right and are not, from one address and minute.
UNKNOWN_PER_MINUTE = 60


@dataclass(slots=True)
class _Copy:
    caller: Caller | None
    ends_at: float


@dataclass(slots=True)
class Directory:
    """The process's copies."""

    callers: dict[str, _Copy] = field(default_factory=dict)
    models: dict[str, OfferedModel] = field(default_factory=dict)
    models_end_at: float = 0.0
    # Grows with every announcement: what was read before one may be outdated.
    generation: int = 0
    unknown: dict[str, tuple[float, int]] = field(default_factory=dict)
    _loading: dict[tuple[str, int], "asyncio.Future[Any]"] = field(default_factory=dict)

    async def authenticate(self, secret: str, address: str) -> Caller:
        """Return who calls with a key. Raises ``Unavailable``, and ``APIError``."""
        caller = await self.caller(secret, address)
        if caller is None:
            raise errors.invalid_key(secret)
        if not caller.may_call_from(address):
            raise errors.address_not_allowed(address)
        return caller

    async def caller(self, secret: str, address: str = "") -> Caller | None:
        """Return who a key belongs to; junk costs no query.

        Raises ``Unavailable``, and ``APIError`` for an address that guesses.
        """
        if not secrets.is_well_formed(secret):
            return None
        digest = secrets.digest(secret)
        if digest not in self.callers:
            self._refuse_guessing(address)
        caller = await self.caller_of(digest)
        if caller is None:
            self._record_unknown(address)
        return caller

    async def caller_of(self, digest: str) -> Caller | None:
        """Return whose key has a digest, if it opens anything now."""
        copy = self.callers.get(digest)
        now = time.monotonic()
        if copy is None or copy.ends_at < now:
            try:
                copy = await self._read_caller(digest)
            except DatabaseError as error:
                if copy is None or copy.ends_at + OUTAGE_SECONDS < now:
                    raise Unavailable from error
        caller = copy.caller
        if (
            caller is not None
            and caller.expires_at
            and caller.expires_at <= timezone.now()
        ):
            return None
        return caller

    async def offered(self) -> dict[str, OfferedModel]:
        """Return the models on offer by slug. Raises ``Unavailable``."""
        if self.models_end_at < time.monotonic():
            try:
                models = await self._fresh("catalogue", load_models)
            except DatabaseError as error:
                if not self.models:
                    raise Unavailable from error
                return self.models
            self.models = models
            self.models_end_at = time.monotonic() + CATALOGUE_SECONDS
        return self.models

    def forget_key(self, digest: str) -> None:
        self.generation += 1
        self.callers.pop(digest, None)

    def forget_organisation(self, organisation_id: int) -> None:
        self.generation += 1
        for digest, copy in list(self.callers.items()):
            if copy.caller and copy.caller.organisation_id == organisation_id:
                del self.callers[digest]

    def forget_models(self) -> None:
        self.generation += 1
        self.models_end_at = 0.0

    def forget_everything(self) -> None:
        """Announcements may have been missed."""
        self.generation += 1
        self.models_end_at = 0.0
        for copy in self.callers.values():
            copy.ends_at = min(copy.ends_at, time.monotonic())

    async def _read_caller(self, digest: str) -> _Copy:
        caller = await self._fresh(digest, lambda: load_caller(digest))
        if len(self.callers) > MAX_UNKNOWN:
            self.callers.clear()
        copy = _Copy(caller, time.monotonic() + KEY_SECONDS)
        self.callers[digest] = copy
        return copy

    def _refuse_guessing(self, address: str) -> None:
        ends_at, count = self.unknown.get(address, (0.0, 0))
        wait = ends_at - time.monotonic()
        if wait > 0 and count >= UNKNOWN_PER_MINUTE:
            raise errors.too_many_unknown_keys(wait)

    def _record_unknown(self, address: str) -> None:
        now = time.monotonic()
        ends_at, count = self.unknown.get(address, (0.0, 0))
        if ends_at < now:
            if len(self.unknown) > MAX_UNKNOWN:
                self.unknown.clear()
            ends_at, count = now + 60, 0
        self.unknown[address] = (ends_at, count + 1)

    async def _fresh(self, name: str, load: Callable[[], Any]) -> Any:
        """Load something; what changes meanwhile is loaded again."""
        # A key revoked while it was being read must not come back with the answer.
        for _ in range(MAX_READS):
            generation = self.generation
            value = await self._once(name, load)
            if generation == self.generation:
                break
        return value

    async def _once(self, name: str, load: Callable[[], Any]) -> Any:
        """Load something once, however many wait for it."""
        # After an announcement nobody waits for what was asked before it.
        key = (name, self.generation)
        pending = self._loading.get(key)
        if pending is None:
            pending = asyncio.ensure_future(in_thread(load))
            self._loading[key] = pending
            pending.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(pending)
