"""One request, tried at one deployment after another until one answers."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
from cryptography.fernet import InvalidToken

from core.crypto import decrypt
from inference.catalog.alarms import KEEP_SECONDS, alarm_key
from inference.catalog.models import Deployment
from inference.gateway.exchange import Exchange
from inference.protocol import errors
from inference.protocol.answers import error_in
from inference.protocol.estimates import TextSize, add_choice
from inference.protocol.metering import meter
from inference.protocol.requests import WRITE_NOTHING
from inference.providers.base import Answer, Provider, UpstreamFailed
from inference.providers.wire import Unreadable
from inference.routing.faults import Blame, Verdict, judge
from inference.routing.router import Router
from inference.usage.models import UsageEvent
from stores.lean_redis import LeanRedis

logger = logging.getLogger(__name__)
FIRST_BACKOFF = 0.05  # a restarted connection is there by then; doubled each time
# How long an upstream at its limit is let alone that does not say how long.
LIMIT_PAUSE = 5.0
Answered = TypeVar("Answered")
Status = UsageEvent.Status


class Attempts:
    """Tries deployments, judges what fails, and tells staff what only they can mend."""

    def __init__(self, redis: LeanRedis, providers: Mapping[str, Provider]) -> None:
        self.redis = redis
        self.providers = providers
        self.router = Router()
        self.alarmed: set[int] = set()

    async def complete(self, exchange: Exchange) -> None:
        """Bring the whole answer of a model. Raises ``APIError``."""

        async def attempt(deployment: Deployment) -> tuple[dict[str, Any], bytes]:
            provider = self.providers[deployment.provider]
            answer = await provider.complete(deployment, exchange.ask(deployment))
            if exchange.is_native_at(deployment):
                return answer.value, self._native(exchange, answer)
            error = error_in(answer.value)
            was_run = answer.value.get("usage") is not None
            if error:
                body = orjson.dumps({"error": error})
                raise UpstreamFailed(200, body=body, was_run=was_run)
            try:
                written = exchange.envelope.answer_of(answer.body, answer.value)
            except Unreadable as unreadable:
                raise UpstreamFailed(200, was_run=True) from unreadable
            return answer.value, written

        value, written = await self.first_answer(exchange, attempt)
        if exchange.is_worded:
            return
        size = TextSize()
        if exchange.call.endpoint not in WRITE_NOTHING:
            for choice in value["choices"]:
                add_choice(size, choice)
        tokens = meter(value.get("usage"), size, exchange.bounds)
        exchange.record_answer(exchange.envelope.enclose(written, tokens), tokens)

    def _native(self, exchange: Exchange, answer: Answer) -> bytes:
        """Take an answer that is in the caller's own protocol.

        Raises ``UpstreamFailed`` for one that is none.
        """
        wording = exchange.call.wording
        if wording is None:
            raise TypeError
        try:
            size = wording.native_size(answer.value)
            tokens = meter(answer.value.get("usage"), size, exchange.bounds)
            told = wording.native_whole(answer.body, answer.value, tokens)
        except Unreadable as unreadable:
            raise UpstreamFailed(200, was_run=True) from unreadable
        exchange.record_answer(told, tokens, is_worded=True)
        return told

    async def first_answer(
        self,
        exchange: Exchange,
        attempt: Callable[[Deployment], Awaitable[Answered]],
    ) -> Answered:
        """Return what ``attempt`` gives at the first deployment that answers.

        Raises ``APIError`` in the words of the last failure.
        """
        caller = exchange.caller.organisation_id
        deployments = exchange.model.deployments
        left_out: set[int] = set()
        failed: set[int] = set()
        verdict: Verdict | None = None
        for deployment, turn in self.router.candidates(
            deployments, caller=caller, left_out=left_out
        ):
            await _back_off(turn)
            exchange.run_at(deployment)
            try:
                answer = await attempt(deployment)
            except UpstreamFailed as failure:
                verdict = self.judge(exchange, deployment, failure)
                exchange.record_failure(
                    _status_of(verdict, failure),
                    has_run=failure.was_run or failure.status == 200,
                )
                # However often it is tried, it is one request that failed.
                if deployment.pk not in failed:
                    failed.add(deployment.pk)
                    self._record_failure(deployment, caller, verdict, failure)
                if not verdict.may_go_on:
                    break
                if not verdict.may_repeat:
                    left_out.add(deployment.pk)
                continue
            self.router.succeeded(deployment, caller)
            self._clear_alarm(deployment)
            return answer
        if verdict is not None:
            raise verdict.error
        wait = self.router.wait(deployments)
        if self.router.are_limited(deployments):
            raise errors.upstream_rate_limited(wait)
        raise errors.no_deployment(wait)

    def judge(
        self, exchange: Exchange, deployment: Deployment, failure: UpstreamFailed
    ) -> Verdict:
        """Say whose fault a failure is; the upstream's own words go to the log."""
        verdict = judge(
            failure,
            deployment=deployment,
            model=exchange.model,
            fields=frozenset(exchange.call.payload),
            hidden=_secrets_of(deployment),
        )
        logger.warning(
            "upstream.failed",
            extra={
                "call": exchange.request_id,
                "deployment": deployment.pk,
                "model": exchange.model.slug,
                "status": failure.status,
                "blame": verdict.blame.value,
                "said": verdict.original,
            },
        )
        return verdict

    def _record_failure(
        self,
        deployment: Deployment,
        caller: int,
        verdict: Verdict,
        failure: UpstreamFailed,
    ) -> None:
        if verdict.blame is Blame.CALLER:
            self.router.answered(deployment)
        elif verdict.blame is Blame.BUSY:
            pause = failure.retry_after
            self.router.limited(
                deployment, caller, LIMIT_PAUSE if pause is None else pause
            )
        else:
            self.router.failed(deployment, caller, is_certain=verdict.is_certain)
        if verdict.blame is Blame.OURS:
            self._raise_alarm(deployment, failure.status)

    def _raise_alarm(self, deployment: Deployment, status: int) -> None:
        logger.error(
            "upstream.needs_staff",
            extra={"deployment": deployment.pk, "status": status},
        )
        self.alarmed.add(deployment.pk)
        self.redis.tell(
            "SET",
            alarm_key(deployment.pk),
            orjson.dumps({"status": status}),
            "EX",
            KEEP_SECONDS,
        )

    def _clear_alarm(self, deployment: Deployment) -> None:
        if deployment.pk in self.alarmed:
            self.alarmed.discard(deployment.pk)
            self.redis.tell("DEL", alarm_key(deployment.pk))


def _status_of(verdict: Verdict, failure: UpstreamFailed) -> str:
    if verdict.blame is Blame.CALLER:
        return Status.REFUSED
    return Status.TIMED_OUT if failure.is_timeout else Status.UPSTREAM_ERROR


def _secrets_of(deployment: Deployment) -> tuple[str, ...]:
    if not deployment.credential:
        return ()
    try:
        return (decrypt(deployment.credential),)
    except InvalidToken:
        return ()


async def _back_off(turn: int) -> None:
    """Wait a little before a deployment is tried again, longer each time."""
    if turn:
        await asyncio.sleep(FIRST_BACKOFF * 2**turn * (0.5 + random.random()))  # noqa: S311
