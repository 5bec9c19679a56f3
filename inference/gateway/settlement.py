"""Writing down what calls used: many calls, one commit, tens of milliseconds.

A reservation is given back only after its usage is committed. Killed before
that, the reservation stays in Redis for the sweeper; with Redis wiped, this
process still holds the usage and commits it.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Any

import hiredis
import orjson
import psycopg
from django.conf import settings
from psycopg_pool import AsyncConnectionPool

from inference.gateway.admission import Admission, Reservation, keys_of, request_key
from inference.gateway.redis import LeanRedis, RedisDown, Script
from inference.usage.recording import RECORD, Usage, record_parameters
from stores.postgresql.driver import BoundedAsyncConnection
from stores.redis import prefixed

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 0.02
MAX_BATCH = 500
# At most so much of a stream is not billed when its gateway is killed.
HEARTBEAT_SECONDS = 2

# Keeps what runs alive and notes how far it has come.
HEARTBEAT = Script("""
local t = redis.call('TIME')
for i = 2, #ARGV, 4 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], t[1], ARGV[i])
    local record = redis.call('GET', ARGV[i + 1])
    -- Only the count is changed: decoding would make floats of large numbers.
    if record then
      record = string.gsub(record, '"tokens_out":%d+', '"tokens_out":' .. ARGV[i + 2], 1)
      redis.call('SET', ARGV[i + 1], record, 'EX', 86400)
    end
    redis.call('ZADD', ARGV[i + 3], 'XX', string.format('%.0f', (t[1] + ARGV[1]) * 1000000), ARGV[i])
  end
end
return 1
""")


@dataclass(slots=True)
class Running:
    """A request under way, as its heartbeat reports it."""

    reservation: Reservation
    tokens_out: int = 0


class Settlement:
    """Commits usage in groups and gives reservations back afterwards."""

    def __init__(self, redis: LeanRedis, admission: Admission) -> None:
        self.redis = redis
        self.admission = admission
        self.waiting: deque[tuple[Usage, Reservation]] = deque()
        self.running: dict[str, Running] = {}
        self.has_work = asyncio.Event()
        self.is_idle = asyncio.Event()
        self.is_idle.set()
        self.pool = AsyncConnectionPool(
            _conninfo(),
            connection_class=BoundedAsyncConnection,
            min_size=1,
            max_size=2,
            open=False,
            kwargs={"autocommit": True},
            # Else the pool's own pauses grow to minutes in a long outage.
            reconnect_timeout=1,
        )

    async def open(self) -> None:
        await self.pool.open(wait=False)

    def begin(self, reservation: Reservation) -> Running:
        """Follow a request until it is settled or let go."""
        running = Running(reservation)
        self.running[reservation.request_id] = running
        return running

    def settle(self, usage: Usage, reservation: Reservation) -> None:
        """Have ``usage`` committed soon and the reservation given back then."""
        self.running.pop(reservation.request_id, None)
        self.waiting.append((usage, reservation))
        if reservation.is_in_redis:
            # It runs no more, whenever it is committed.
            self.redis.tell("ZREM", keys_of(reservation)[1], reservation.request_id)
            # Killed before the commit, the sweeper commits just this.
            self.redis.tell(
                "SET",
                request_key(reservation.request_id),
                orjson.dumps({"month": reservation.month, "usage": usage}),
                "XX",
                "EX",
                86400,
            )
        self.is_idle.clear()
        self.has_work.set()

    async def commit_forever(self) -> None:
        """Commit what is waiting, a window at a time; keep it when that fails."""
        while True:
            await self.has_work.wait()
            await asyncio.sleep(WINDOW_SECONDS)
            batch = [
                self.waiting.popleft() for _ in range(min(len(self.waiting), MAX_BATCH))
            ]
            try:
                await self._commit_or_split([usage for usage, _ in batch])
            except (psycopg.Error, OSError, TimeoutError):
                logger.exception("usage.not_committed", extra={"calls": len(batch)})
                self.waiting.extendleft(reversed(batch))
                await asyncio.sleep(0.5)
                continue
            await self.admission.release_all(
                [(reservation, usage.price_nano) for usage, reservation in batch]
            )
            if not self.waiting:
                self.has_work.clear()
                self.is_idle.set()

    async def beat_forever(self) -> None:
        """Tell Redis every few seconds that what runs still runs."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            arguments: list[Any] = [30]
            for request_id, running in self.running.items():
                organisation = running.reservation.organisation_id
                arguments += [
                    request_id,
                    request_key(request_id),
                    running.tokens_out,
                    prefixed(f"gw:{{{organisation}}}:leases"),
                ]
            if len(arguments) == 1:
                continue
            try:
                await self.redis.run(
                    HEARTBEAT, [prefixed("gw:reservations")], *arguments
                )
            except (RedisDown, hiredis.ReplyError):
                continue

    async def close(self) -> None:
        """Wait until everything is committed, as long as a shutdown may take."""
        try:
            await asyncio.wait_for(self.is_idle.wait(), 10)
        except TimeoutError:
            logger.exception("usage.left_behind", extra={"calls": len(self.waiting)})
        await self.pool.close(timeout=2)

    async def _commit_or_split(self, batch: list[Usage]) -> None:
        """Commit a batch; one call the database refuses must not hold up the rest."""
        try:
            await self._commit(batch)
        except (psycopg.IntegrityError, psycopg.DataError):
            if len(batch) == 1:
                # An organisation that was deleted meanwhile, for one.
                logger.exception("usage.refused", extra={"call": batch[0].request_id})
                return
            for usage in batch:
                await self._commit_or_split([usage])

    async def _commit(self, batch: list[Usage]) -> None:
        async with self.pool.connection(timeout=5) as connection:
            await connection.execute(RECORD, record_parameters(batch))


def _conninfo() -> str:
    database = settings.DATABASES["default"]
    fields = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    wanted: dict[str, Any] = {name: value for name, value in fields.items() if value}
    wanted["application_name"] = "doorstone-gateway"
    wanted["connect_timeout"] = 2
    wanted["options"] = "-c statement_timeout=10s"
    return psycopg.conninfo.make_conninfo("", **wanted)
