"""One request, tried at one deployment after another until one answers."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, TypeVar

import orjson
from cryptography.fernet import InvalidToken

from edge import tracing
from inference.catalog.alarms import KEEP_SECONDS, alarm_key
from inference.catalog.models import Deployment
from inference.gateway.cache import AnswerCache
from inference.gateway.exchange import Exchange
from inference.protocol import errors
from inference.protocol.answers import error_in, hide
from inference.protocol.estimates import TextSize, add_choice
from inference.protocol.metering import meter, usage_in
from inference.protocol.requests import WRITE_NOTHING
from inference.providers.base import Answer, Provider, UpstreamFailed
from inference.providers.keyring import keys_of
from inference.providers.wire import Unreadable, loads
from inference.routing.faults import Blame, Verdict, judge
from inference.routing.router import MAX_ATTEMPTS, Router
from inference.routing.unanswered import Unanswered
from inference.usage.models import UsageEvent
from stores.lean_redis import LeanRedis

logger = logging.getLogger(__name__)
FIRST_BACKOFF = 0.05  # a restarted connection is there by then; doubled each time
# How long an upstream at its limit is let alone that does not say how long.
LIMIT_PAUSE = 5.0
# A shorter "key", as servers without any are given, is a word that models write.
SHORTEST_SECRET = 8
# Of a prompt, what tells conversations apart: instructions may be a book.
LONGEST_BEGINNING = 4_000
Answered = TypeVar("Answered")
_UNTRACED = nullcontext[None]()
Status = UsageEvent.Status


class Attempts:
    """Tries deployments, judges what fails, and tells staff what only they can mend."""

    def __init__(
        self,
        redis: LeanRedis,
        providers: Mapping[str, Provider],
        router: Router,
        cache: AnswerCache,
    ) -> None:
        self.redis = redis
        self.cache = cache
        self.providers = providers
        self.router = router
        self.alarmed: set[int] = set()

    async def complete(self, exchange: Exchange) -> None:
        """Bring a whole answer, a model's or one of before. Raises ``APIError``."""
        if exchange.cache_name and await self.cache.find(exchange):
            return
        await self._complete(exchange)
        if exchange.cache_name:
            await self.cache.keep(exchange)

    async def _complete(self, exchange: Exchange) -> None:
        async def attempt(deployment: Deployment) -> tuple[dict[str, Any], bytes]:
            provider = self.providers[deployment.provider]
            answer = await provider.complete(deployment, exchange.ask(deployment))
            if exchange.is_native_at(deployment):
                return answer.value, self._native(exchange, deployment, answer)
            error = error_in(answer.value)
            was_run = usage_in(answer.value) is not None
            if error:
                body = orjson.dumps({"error": error})
                raise UpstreamFailed(answer.status, body=body, was_run=was_run)
            try:
                written = hide(
                    exchange.envelope.answer_of(answer.body, answer.value),
                    secrets_of(deployment.credential),
                )
            except Unreadable as unreadable:
                raise UpstreamFailed(answer.status, was_run=True) from unreadable
            return answer.value, written

        value, written = await self.first_answer(exchange, attempt)
        if exchange.is_worded:
            return
        size = TextSize()
        if exchange.call.endpoint not in WRITE_NOTHING:
            for choice in value["choices"]:
                add_choice(size, choice)
        tokens = meter(usage_in(value), size, exchange.bounds)
        exchange.record_answer(exchange.envelope.enclose(written, tokens), tokens)

    def _native(
        self, exchange: Exchange, deployment: Deployment, answer: Answer
    ) -> bytes:
        """Take an answer that is in the caller's own protocol.

        Raises ``UpstreamFailed`` for one that is none.
        """
        wording = exchange.call.wording
        if wording is None:
            raise TypeError
        try:
            body = hide(answer.body, secrets_of(deployment.credential))
            value = answer.value if body == answer.body else loads(body)
            size = wording.native_size(value)
            tokens = meter(value.get("usage"), size, exchange.bounds)
            told = wording.native_whole(body, value, tokens)
        except Unreadable as unreadable:
            raise UpstreamFailed(answer.status, was_run=True) from unreadable
        exchange.record_answer(told, tokens, is_worded=True)
        return told

    async def first_answer(
        self,
        exchange: Exchange,
        attempt: Callable[[Deployment], Awaitable[Answered]],
    ) -> Answered:
        """Return what ``attempt`` gives at the first deployment that answers.

        Where none of the model's does, or the prompt is too long for it, its stand-ins
        are asked. Raises ``APIError`` in the words of the last failure.
        """
        runners = (exchange.runner, *exchange.stand_ins)
        last: Unanswered | None = None
        for number, runner in enumerate(runners, 1):
            if last is not None and not last.leads_to(runner, exchange.runner):
                continue
            left = MAX_ATTEMPTS - exchange.attempts
            if left < 1:
                break
            exchange.run_as(runner)
            if left > 1 and number < len(runners):
                # One try is for the model that comes next.
                left -= 1
            try:
                return await self._first_of(exchange, attempt, most=left)
            except Unanswered as unanswered:
                last = unanswered
        if last is not None and last.verdict is not None:
            raise last.verdict.error
        deployments = exchange.model.deployments
        wait = self.router.wait(deployments)
        if self.router.are_limited(deployments):
            raise errors.upstream_rate_limited(wait)
        raise errors.no_deployment(wait)

    async def _first_of(
        self,
        exchange: Exchange,
        attempt: Callable[[Deployment], Awaitable[Answered]],
        *,
        most: int,
    ) -> Answered:
        """Return what a deployment of the runner gives. Raises ``Unanswered``."""
        caller = exchange.caller.organisation_id
        left_out = set(exchange.runner.paused)
        failed: set[int] = set()
        verdict: Verdict | None = None
        for deployment, turn in self.router.candidates(
            exchange.runner.deployments,
            caller=caller,
            left_out=left_out,
            beginning=_beginning_of(exchange),
            most=most,
        ):
            await _back_off(turn)
            exchange.run_at(deployment, self.router.load)
            try:
                with _traced(exchange, deployment):
                    answer = await attempt(deployment)
            except UpstreamFailed as failure:
                verdict = self.judge(exchange, deployment, failure)
                exchange.record_failure(
                    _status_of(verdict, failure),
                    has_run=failure.may_have_cost,
                    upstream_status=failure.status,
                )
                # However often it is tried, it is one request that failed.
                if deployment.pk not in failed:
                    failed.add(deployment.pk)
                    self._record_failure(deployment, caller, verdict, failure)
                if exchange.has_left:
                    # What failed would have been paid for; nothing more is bought.
                    raise asyncio.CancelledError from failure
                if not verdict.may_go_on:
                    break
                if not verdict.may_repeat:
                    left_out.add(deployment.pk)
                continue
            self.router.succeeded(deployment, caller)
            self._clear_alarm(deployment)
            return answer
        raise Unanswered(verdict)

    def judge(
        self, exchange: Exchange, deployment: Deployment, failure: UpstreamFailed
    ) -> Verdict:
        """Say whose fault a failure is; the upstream's own words go to the log."""
        verdict = judge(
            failure,
            deployment=deployment,
            model=exchange.runner,
            fields=frozenset(exchange.call.payload),
            hidden=tuple(map(bytes.decode, secrets_of(deployment.credential))),
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
            self.router.suspect(deployment)
            self.raise_alarm(deployment, failure.status)

    def raise_alarm(self, deployment: Deployment, status: int) -> None:
        """Tell staff of what only they can put right."""
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
        if deployment.pk not in self.alarmed:
            return
        if not self.providers[deployment.provider].is_short_of_keys(deployment):
            self.alarmed.discard(deployment.pk)
            self.redis.tell("DEL", alarm_key(deployment.pk))


def _traced(
    exchange: Exchange, deployment: Deployment
) -> AbstractContextManager[object]:
    """Trace one try; of a stream, until the model has spoken."""
    if not tracing.is_on():
        return _UNTRACED
    return tracing.calling(
        f"{exchange.call.endpoint} {exchange.runner.slug}",
        {
            "gen_ai.request.model": exchange.runner.slug,
            "doorstone.deployment": deployment.pk,
            "doorstone.attempt": exchange.attempts,
        },
    )


def _status_of(verdict: Verdict, failure: UpstreamFailed) -> str:
    if verdict.blame is Blame.CALLER:
        return Status.REFUSED
    return Status.TIMED_OUT if failure.is_timeout else Status.UPSTREAM_ERROR


@lru_cache(maxsize=1_000)  # deployments with a key, and the keys before them
def secrets_of(credential: str) -> tuple[bytes, ...]:
    """Return the keys of an upstream as bytes that no caller may see."""
    try:
        return tuple(
            key.encode() for key in keys_of(credential) if len(key) >= SHORTEST_SECRET
        )
    except InvalidToken:
        return ()


def _beginning_of(exchange: Exchange) -> bytes:
    """Return what requests share that one place should answer; nothing where any may.

    A server keeps what it made of a prompt: what begins alike is cheaper there.
    """
    deployments = exchange.runner.deployments
    if len(deployments) == 1 or not any(
        each.options.get("affinity") == "prefix" for each in deployments
    ):
        return b""
    payload = exchange.call.payload
    begun = payload.get("prompt_cache_key")
    if not isinstance(begun, str) or not begun:
        messages = payload.get("messages")
        # Its instructions and what was asked first; what follows grows with each turn.
        begun = messages[:2] if messages else payload.get("prompt")
    text = orjson.dumps(begun)[:LONGEST_BEGINNING]
    return b"%d:%b" % (exchange.caller.organisation_id, text)


async def _back_off(turn: int) -> None:
    """Wait a little before a deployment is tried again, longer each time."""
    if turn:
        await asyncio.sleep(FIRST_BACKOFF * 2**turn * (0.5 + random.random()))  # noqa: S311
