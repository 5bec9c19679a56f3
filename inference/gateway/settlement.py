"""Writing down what calls used: many calls, one commit, tens of milliseconds.

A reservation is given back only after its usage is committed. Killed before
that, the reservation stays in Redis for the sweeper; with Redis wiped, this
process still holds the usage and commits it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import hiredis
import orjson
import psycopg
from django.conf import settings
from psycopg_pool import AsyncConnectionPool

from core.errors import Unavailable
from edge import tracing
from inference.gateway import metrics
from inference.gateway.admission import Admission, keys_of, record_of
from inference.gateway.exchange import Exchange
from inference.gateway.keeping import Keeping
from inference.gateway.request import Request
from inference.limits.reservations import LEASE_SECONDS, request_key
from inference.protocol import errors
from inference.protocol.errors import APIError
from inference.protocol.metering import Tokens
from inference.usage.models import UsageEvent
from inference.usage.recording import RECORD, Usage, record_parameters
from stores.lean_redis import LeanRedis, RedisDown, Script
from stores.postgresql.driver import BoundedAsyncConnection
from stores.redis import prefixed

logger = logging.getLogger(__name__)
Status = UsageEvent.Status
NOTHING = Tokens(0, 0, 0)

WINDOW_SECONDS = 0.02  # forty calls share a commit at 2,000 a second
MAX_BATCH = 500  # some 200 kB of JSON: a statement of tens of milliseconds
# At most so much of a stream is not billed when its gateway is killed.
HEARTBEAT_SECONDS = 2

# Keeps what runs alive and notes how far it has come; returns what it does not know.
# A record comes only where more has changed than the count.
HEARTBEAT = Script("""
local t = redis.call('TIME')
local unknown = {}
for i = 2, #ARGV, 5 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], t[1], ARGV[i])
    local record = redis.call('GET', ARGV[i + 1])
    -- What has ended meanwhile stays as it ended.
    if record and not string.find(record, '"usage":{', 1, true) then
      if ARGV[i + 4] ~= '' then
        record = ARGV[i + 4]
      else
        -- Only the count is changed: decoding would make floats of large numbers.
        local count = '"tokens_out":' .. ARGV[i + 2]
        record = string.gsub(record, '"tokens_out":%d+', count, 1)
      end
      redis.call('SET', ARGV[i + 1], record, 'EX', 86400)
    end
    local ends_at = string.format('%.0f', (t[1] + ARGV[1]) * 1000000)
    redis.call('ZADD', ARGV[i + 3], 'XX', ends_at, ARGV[i])
  else
    unknown[#unknown + 1] = ARGV[i]
  end
end
return unknown
""")

# Notes a call that Redis was away for, or has forgotten, so that the sweeper finds it.
NOTE = Script("""
redis.call('SET', KEYS[2], ARGV[2], 'EX', 86400)
return redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])
""")


class Settlement:
    """Commits usage in groups and gives reservations back afterwards."""

    def __init__(
        self, redis: LeanRedis, admission: Admission, keeping: Keeping
    ) -> None:
        self.redis = redis
        self.admission = admission
        self.keeping = keeping
        # Settled, and not committed yet.
        self.waiting = admission.uncommitted
        self.running: dict[str, Exchange] = {}
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

    @asynccontextmanager
    async def carrying(
        self, request: Request, exchange: Exchange
    ) -> AsyncIterator[None]:
        """Settle what runs in the block, and keep its response where that is asked."""
        if request.transcript is not None:
            request.transcript.is_admitted = True
        with self.settling(exchange):
            async with self.keeping.keeping(request, exchange):
                yield

    @contextmanager
    def settling(self, exchange: Exchange) -> Iterator[None]:
        """Keep a reservation alive inside the block, and settle at its end.

        Where nothing was delivered, it is free. A stream that has begun settles
        itself, maybe only after its upstream was read to the end.
        """
        self.running[exchange.request_id] = exchange
        try:
            yield
        except BaseException as error:
            if not exchange.is_streaming:
                self._settle_failed(exchange, error)
            raise
        if not exchange.is_streaming:
            self.settle(exchange, Status.OK, exchange.tokens)

    def settle(
        self,
        exchange: Exchange,
        status: str,
        tokens: Tokens,
        *,
        error_code: str | None = None,
    ) -> None:
        """Have what was used committed soon and the reservation given back then."""
        exchange.settle(status, tokens, error_code=error_code or "")
        metrics.count_call(exchange.usage)
        if tracing.is_on():
            tracing.describe(_spanned(exchange.usage))
        if tokens.complaint:
            deployment = exchange.deployment
            logger.warning(
                "usage.estimated",
                extra={
                    "call": exchange.request_id,
                    "deployment": deployment.pk if deployment else None,
                    "complaint": tokens.complaint,
                },
            )
        self.running.pop(exchange.request_id, None)
        self.waiting.append(exchange)
        if exchange.is_held_in_redis or exchange.is_noted:
            # It runs no more, whenever it is committed.
            self.redis.tell("ZREM", keys_of(exchange)[1], exchange.request_id)
            # Killed before the commit, the sweeper commits just this.
            self.redis.tell(
                "SET",
                request_key(exchange.request_id),
                orjson.dumps(
                    {
                        "month": exchange.month,
                        "project_id": exchange.caller.rules.project_id,
                        "member_id": exchange.caller.rules.member_id,
                        "usage": exchange.usage,
                    }
                ),
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
                await self._commit_or_split([exchange.usage for exchange in batch])
            except (psycopg.Error, OSError, TimeoutError):
                logger.exception("usage.not_committed", extra={"calls": len(batch)})
                self.waiting.extendleft(reversed(batch))
                await asyncio.sleep(0.5)
                continue
            await self.admission.release_all(batch)
            if not self.waiting:
                self.has_work.clear()
                self.is_idle.set()

    async def beat_forever(self) -> None:
        """Tell Redis every few seconds that what runs still runs."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            arguments: list[Any] = [LEASE_SECONDS]
            news: list[tuple[Exchange, tuple[int, int | None]]] = []
            for request_id, exchange in self.running.items():
                organisation = exchange.caller.organisation_id
                record = b""
                if exchange.told != exchange.course:
                    news.append((exchange, exchange.course))
                    record = orjson.dumps(record_of(exchange))
                arguments += [
                    request_id,
                    request_key(request_id),
                    exchange.tokens_out,
                    prefixed(f"gw:{{{organisation}}}:leases"),
                    record,
                ]
            if len(arguments) == 1:
                continue
            try:
                unknown = await self.redis.run(
                    HEARTBEAT, [prefixed("gw:reservations")], *arguments
                )
                for exchange, course in news:
                    exchange.record_told(course)
                for name in unknown:
                    await self._record_again(name.decode())
            except (RedisDown, hiredis.ReplyError):
                continue

    async def _record_again(self, request_id: str) -> None:
        """Have the sweeper find a call that Redis knows nothing of."""
        exchange = self.running.get(request_id)
        if exchange is None:
            return
        exchange.record_again()
        keys = [prefixed("gw:reservations"), request_key(request_id)]
        await self.redis.run(NOTE, keys, request_id, orjson.dumps(record_of(exchange)))

    async def close(self) -> None:
        """Wait until everything is committed, as long as a shutdown may take."""
        try:
            await asyncio.wait_for(self.is_idle.wait(), 10)
        except TimeoutError:
            logger.exception("usage.left_behind", extra={"calls": len(self.waiting)})
        await self.pool.close(timeout=2)

    def _settle_failed(self, exchange: Exchange, error: BaseException) -> None:
        if isinstance(error, Unavailable):
            # What its caller is told, too.
            error = errors.service_unavailable()
        if isinstance(error, APIError):
            self.settle(exchange, exchange.failed_as, NOTHING, error_code=error.code)
        elif isinstance(error, asyncio.CancelledError):
            # The caller left before anything came, maybe between two attempts.
            if exchange.is_asked:
                exchange.lose_prompt()
            self.settle(exchange, Status.CLIENT_ABORT, NOTHING)
        else:
            code = errors.internal_error("").code
            self.settle(exchange, Status.UPSTREAM_ERROR, NOTHING, error_code=code)

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
        # After so long the batch waits for the next try.
        async with self.pool.connection(timeout=5) as connection:
            await connection.execute(RECORD, record_parameters(batch))


def _spanned(usage: Usage) -> dict[str, str | int]:
    """Return what a trace tells of a call: no more than the page of usage does."""
    return {
        "gen_ai.request.model": usage.model,
        "gen_ai.usage.input_tokens": usage.tokens_in,
        "gen_ai.usage.output_tokens": usage.tokens_out,
        "doorstone.status": usage.status,
        "doorstone.attempts": usage.attempts,
        "doorstone.price_nano": usage.price_nano,
    }


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
