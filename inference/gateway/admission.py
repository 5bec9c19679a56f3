"""May this request run now? One round trip decides and reserves its price.

Without Redis a share of the limits is given from this process's memory (see
``inference.limits``).
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

import hiredis
import orjson

from inference.directory.callers import Caller
from inference.directory.directory import Directory
from inference.directory.spent import read_spent
from inference.gateway.eligibility import (
    bounds_of,
    check_call,
    find_model,
    fitting_bounds,
    stand_ins,
)
from inference.gateway.exchange import Exchange
from inference.limits.fallback import FallbackLimits
from inference.limits.reservations import (
    ADMIT,
    DOUBT,
    LEASE_SECONDS,
    LOAD,
    RELEASE,
    fields_of,
    own_keys,
    reservation_keys,
)
from inference.limits.words import (
    OF_THE_KEY,
    billing_url,
    budget_used_up,
    limit_headers,
)
from inference.protocol import errors
from stores.lean_redis import LeanRedis, RedisDown

# So many calls may wait for the database before new ones are refused.
MAX_UNCOMMITTED = 20_000


class Admission:
    """Admits requests, and takes back what they held."""

    def __init__(self, redis: LeanRedis, directory: Directory) -> None:
        self.redis = redis
        self.directory = directory
        self.fallback = FallbackLimits()
        # Settled requests whose usage is not committed yet.
        self.uncommitted: deque[Exchange] = deque()
        # Organisations that used something while Redis was away.
        self.doubted: set[int] = set()

    async def admit(self, exchange: Exchange) -> None:
        """Received → admitted. Raises ``APIError``, and ``Unavailable``."""
        started = time.perf_counter()
        caller, call = exchange.caller, exchange.call
        model = await find_model(self.directory, caller, call.model)
        check_call(call, model)
        runner = model
        if model.fallbacks:
            offered = await self.directory.offered()
            others = stand_ins(call, model, caller, offered)
            runner, others, fitting = fitting_bounds(call, model, others)
            bounds, most_out, expected_out = fitting
            exchange.let_stand_in(others)
        else:
            bounds, most_out, expected_out = bounds_of(call, model)
        if len(self.uncommitted) > MAX_UNCOMMITTED:
            # What was used could be lost: better no answer than one nobody counted.
            raise errors.limiter_unavailable()
        exchange.estimate(
            model, bounds, most_out=most_out, started=started, runner=runner
        )
        await self._reserve(exchange, bounds.estimated_in + expected_out)

    async def release(self, exchange: Exchange) -> None:
        """Give back what was held, after the usage has been committed."""
        if not exchange.is_held_in_redis:
            self.fallback.release(
                exchange.caller,
                hold_nano=exchange.hold_nano,
                price_nano=exchange.usage.price_nano,
            )
            if exchange.usage.price_nano:
                self.doubted.add(exchange.caller.organisation_id)
            if not exchange.is_noted:
                return
        try:
            await self.redis.run(RELEASE, *_release(exchange))
        except (RedisDown, hiredis.ReplyError):
            # The lease ends by itself, and the sweeper finds the usage recorded.
            return

    async def release_all(self, exchanges: Sequence[Exchange]) -> None:
        """Give back what many requests held, in one round trip."""
        in_redis = [each for each in exchanges if each.is_held_in_redis]
        answers = [self.redis.send(RELEASE, *_release(each)) for each in in_redis]
        for exchange in exchanges:
            if not exchange.is_held_in_redis:
                await self.release(exchange)
        if not answers:
            return
        results = await asyncio.gather(*answers, return_exceptions=True)
        for exchange, result in zip(in_redis, results, strict=True):
            if isinstance(result, hiredis.ReplyError):
                # Redis started anew and does not know the script yet.
                await self.release(exchange)

    async def _reserve(self, exchange: Exchange, tokens: int) -> None:
        """Hold the worst price and ``tokens``. Raises ``APIError``."""
        caller = exchange.caller
        try:
            if caller.organisation_id in self.doubted:
                fields = fields_of(caller)
                await self.redis.run(DOUBT, keys_of(exchange)[:1], *fields)
                self.doubted.discard(caller.organisation_id)
            answer = await self._ask(exchange, tokens)
            if answer[0] == b"miss":
                await self._load(exchange)
                answer = await self._ask(exchange, tokens)
        except (RedisDown, hiredis.ReplyError):
            await self.fallback.admit(
                caller,
                hold_nano=exchange.hold_nano,
                month=exchange.month,
                tokens=tokens,
            )
            exchange.admit({}, is_held_in_redis=False)
            return
        headers = limit_headers(caller, [int(number) for number in answer[2:]])
        self._refuse(caller, answer, headers)
        exchange.admit(headers, is_held_in_redis=True)

    async def _ask(self, exchange: Exchange, tokens: int) -> list[bytes | int]:
        caller = exchange.caller
        features, rules = caller.features, caller.rules
        key_field, project_field, member_field = fields_of(caller)
        answer: list[bytes | int] = await self.redis.run(
            ADMIT,
            [*keys_of(exchange), *own_keys(caller.organisation_id, caller.key_id)],
            exchange.request_id,
            exchange.hold_nano,
            tokens,
            features.requests_per_minute,
            features.tokens_per_minute,
            features.concurrent_requests,
            caller.most_of(exchange.month),
            LEASE_SECONDS,
            key_field,
            _or_none(caller.monthly_limit_nano),
            orjson.dumps(record_of(exchange)),
            _or_none(rules.requests_per_minute),
            _or_none(rules.tokens_per_minute),
            _or_none(rules.concurrent_requests),
            project_field,
            _or_none(rules.project_limit_nano),
            member_field,
            _or_none(rules.member_limit_nano),
            _or_none(rules.organisation_limit_nano),
        )
        return answer

    async def _load(self, exchange: Exchange) -> None:
        caller = exchange.caller
        spent, by_key, by_project, by_member = await read_spent(caller)
        key_field, project_field, member_field = fields_of(caller)
        await self.redis.run(
            LOAD,
            keys_of(exchange)[:1],
            spent,
            key_field,
            by_key,
            project_field,
            by_project,
            member_field,
            by_member,
        )

    def _refuse(
        self, caller: Caller, answer: list[bytes | int], headers: dict[str, str]
    ) -> None:
        verdict = answer[0]
        if verdict == b"ok":
            return
        features = caller.features
        if verdict == b"quota":
            refusal = errors.quota_exhausted(billing_url(caller), headers)
            raise refusal.hinting(caller.hint, organisation_id=caller.organisation_id)
        if isinstance(verdict, bytes) and verdict.endswith(b"_quota"):
            raise budget_used_up(caller, verdict.decode(), headers)
        rules = caller.rules
        limits = {
            b"requests": features.requests_per_minute,
            b"tokens": features.tokens_per_minute,
            b"concurrency": features.concurrent_requests,
            b"key_requests": rules.requests_per_minute,
            b"key_tokens": rules.tokens_per_minute,
            b"key_concurrency": rules.concurrent_requests,
        }
        limit = limits.get(verdict) if isinstance(verdict, bytes) else None
        if isinstance(verdict, bytes) and limit is not None:
            raise errors.rate_limited(
                verdict.decode().removeprefix("key_"),
                int(answer[1]) / 1_000_000,
                limit,
                headers,
                of=OF_THE_KEY if verdict.startswith(b"key_") else "your plan",
            )
        raise errors.limiter_unavailable()


def record_of(exchange: Exchange) -> dict[str, object]:
    """Return what the sweeper needs where this process is killed.

    Of one that runs also where, how often it was tried, and what that cost.
    """
    model, bounds = exchange.model, exchange.bounds
    record: dict[str, object] = {
        "organisation_id": exchange.caller.organisation_id,
        "key_id": exchange.caller.key_id,
        "project_id": exchange.caller.rules.project_id,
        "member_id": exchange.caller.rules.member_id,
        "model": model.slug,
        "edition": model.edition,
        "price_version_id": model.price_version_id,
        "price_list_id": model.price_list_id,
        "discount_bps": model.discount_bps,
        "price": model.price,
        "cost": model.cost,
        "held_nano": exchange.hold_nano,
        "client_request_id": exchange.client_request_id,
        "tokens_in": bounds.estimated_in,
        "tokens_out": exchange.tokens_out,
        "is_stream": exchange.call.is_stream,
        "occurred_at": exchange.occurred_at,
        "month": exchange.month,
    }
    if exchange.deployment is not None:
        record |= {
            "cost": exchange.runner.cost,
            "lost_nano": exchange.lost_nano,
            "deployment_id": exchange.deployment.pk,
            "attempts": exchange.attempts,
            "upstream_status": exchange.upstream_status,
            "answered_by": exchange.answered_by,
            "first_byte_ms": exchange.first_byte_ms,
        }
    return record


def _release(exchange: Exchange) -> tuple[list[str], str, int, str, str, str]:
    caller, price = exchange.caller, exchange.usage.price_nano
    return keys_of(exchange), exchange.request_id, price, *fields_of(caller)


def _or_none(limit: int | None) -> int:
    """Return a limit as the scripts take it: below nought there is none."""
    return -1 if limit is None else limit


def keys_of(exchange: Exchange) -> list[str]:
    """Return the Redis keys of a request, in the scripts' order."""
    organisation_id = exchange.caller.organisation_id
    return reservation_keys(organisation_id, exchange.month, exchange.request_id)
