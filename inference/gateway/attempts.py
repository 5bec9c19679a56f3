"""One request, tried at one deployment after another until one answers."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import orjson
from cryptography.fernet import InvalidToken

from core.crypto import decrypt
from inference.catalog.alarms import KEEP_SECONDS, alarm_key
from inference.catalog.models import Deployment
from inference.gateway import errors
from inference.gateway.faults import Blame, Verdict, judge
from inference.gateway.redis import LeanRedis
from inference.gateway.routing import Router
from inference.gateway.upstreams import Work
from inference.providers.base import UpstreamFailed
from inference.usage.models import UsageEvent

logger = logging.getLogger(__name__)
FIRST_BACKOFF = 0.05
# How long an upstream at its limit is let alone that does not say how long.
LIMIT_PAUSE = 5.0
Answered = TypeVar("Answered")


class Attempts:
    """Tries deployments, judges what fails, and tells staff what only they can mend."""

    def __init__(self, redis: LeanRedis) -> None:
        self.redis = redis
        self.router = Router()
        self.alarmed: set[int] = set()

    async def first_answer(
        self, work: Work, run: Callable[[Deployment], Awaitable[Answered]]
    ) -> Answered:
        """Return what ``run`` gives at the first deployment that answers.

        Raises ``GatewayError`` in the words of the last failure.
        """
        caller = work.caller.organisation_id
        deployments = work.model.deployments
        left_out: set[int] = set()
        failed: set[int] = set()
        verdict: Verdict | None = None
        for deployment, turn in self.router.candidates(
            deployments, caller=caller, left_out=left_out
        ):
            await _back_off(turn)
            work.deployment = deployment
            try:
                answer = await run(deployment)
            except UpstreamFailed as failure:
                verdict = self.judge(work, deployment, failure)
                # However often it is tried, it is one request that failed.
                if deployment.pk not in failed:
                    failed.add(deployment.pk)
                    self._note(deployment, caller, verdict, failure)
                if not verdict.may_go_on:
                    break
                if not verdict.may_repeat:
                    left_out.add(deployment.pk)
                continue
            self.router.succeeded(deployment, caller)
            self._quiet(deployment)
            return answer
        if verdict is not None:
            raise verdict.error
        wait = self.router.wait(deployments)
        if self.router.are_limited(deployments):
            raise errors.upstream_rate_limited(wait)
        raise errors.no_deployment(wait)

    def judge(
        self, work: Work, deployment: Deployment, failure: UpstreamFailed
    ) -> Verdict:
        """Say whose fault a failure is; the upstream's own words go to the log."""
        verdict = judge(
            failure,
            deployment=deployment,
            model=work.model,
            fields=frozenset(work.call.payload),
            hidden=_secrets_of(deployment),
        )
        if failure.was_run or failure.status == 200:
            work.lost_in += work.bounds.estimated_in
        work.failed_as = UsageEvent.Status.UPSTREAM_ERROR
        if verdict.blame is Blame.CALLER:
            work.failed_as = UsageEvent.Status.REFUSED
        elif failure.is_timeout:
            work.failed_as = UsageEvent.Status.TIMED_OUT
        logger.warning(
            "upstream.failed",
            extra={
                "call": work.reservation.request_id,
                "deployment": deployment.pk,
                "model": work.model.slug,
                "status": failure.status,
                "blame": verdict.blame.value,
                "said": verdict.original,
            },
        )
        return verdict

    def _note(
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
            self._alarm(deployment, failure.status)

    def _alarm(self, deployment: Deployment, status: int) -> None:
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

    def _quiet(self, deployment: Deployment) -> None:
        if deployment.pk in self.alarmed:
            self.alarmed.discard(deployment.pk)
            self.redis.tell("DEL", alarm_key(deployment.pk))


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
