"""One request from the moment it is received until it is settled."""

import asyncio
import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.idempotency import REPLAYED
from core.money import NANO
from inference.catalog.models import Deployment
from inference.catalog.queries import speaks
from inference.directory.callers import Caller
from inference.directory.offers import OfferedModel
from inference.protocol.answers import Envelope
from inference.protocol.metering import Tokens, UsageBounds
from inference.protocol.requests import ModelRequest
from inference.protocol.scanning import StreamScanner
from inference.providers.base import Ask
from inference.usage.models import UsageEvent
from inference.usage.recording import Usage

AUDIENCES = ("public", "members")
_WORDED = b" "


def _nothing() -> None:
    """Most requests are kept nowhere."""


class Stage(enum.Enum):
    """How far a request has come."""

    RECEIVED = "received"
    ADMITTED = "admitted"
    RUNNING = "running"
    SETTLED = "settled"


# Which stages each of them is reached from.
_BEFORE = {
    Stage.ADMITTED: (Stage.RECEIVED,),
    # Running again is the next attempt, at another deployment.
    Stage.RUNNING: (Stage.ADMITTED, Stage.RUNNING),
    # Settled without having run: no deployment was healthy, or the caller left.
    Stage.SETTLED: (Stage.RUNNING, Stage.ADMITTED),
}


@dataclass(slots=True, eq=False)
class Exchange:
    """One request, its answer and what is known of both.

    ``idempotency_key`` is empty where the answer is not to be kept. What a later
    stage brings is not there before it: reading it raises ``AttributeError``.
    Money in billionths of a dollar.
    """

    request_id: str
    client_request_id: str
    caller: Caller
    call: ModelRequest
    stage: Stage = Stage.RECEIVED
    idempotency_key: bytes = b""
    fingerprint: str = ""
    # What its answer is found by when it is asked again; empty where it is not cached.
    cache_name: str = ""
    # Whether an answer of before will do; a new one is kept either way.
    takes_cached: bool = True

    # From the estimate on. ``most_out`` is the longest one answer may be. ``model`` is
    # the one that was asked and is paid for; ``runner`` the one that is to answer.
    model: OfferedModel = field(init=False)
    runner: OfferedModel = field(init=False)
    stand_ins: tuple[OfferedModel, ...] = ()
    bounds: UsageBounds = field(init=False)
    most_out: int = field(init=False)
    hold_nano: int = field(init=False)
    occurred_at: datetime = field(init=False)
    # The calendar month (UTC) whose allowance is used, as ``202605``.
    month: str = field(init=False)
    started: float = field(init=False)

    # Admitted: how much of each limit is left, and where the reservation is held.
    limit_headers: dict[str, str] = field(init=False)
    is_held_in_redis: bool = field(init=False)
    # Whether Redis was told of it once more, and of which attempt and word last.
    is_noted: bool = False
    told: tuple[int, int | None] = (0, None)
    envelope: Envelope = field(init=False)

    # Running: the latest attempt.
    deployment: Deployment | None = None
    # Whether it was asked and has not failed: between two attempts nothing runs.
    is_asked: bool = False
    # The caller left while an answer was waited for that is bought anyway.
    has_left: bool = False
    first_byte_ms: int | None = None
    # What a stream has brought so far, as the heartbeat reports it.
    tokens_out: int = 0
    attempts: int = 0
    # What the last attempt that failed was answered with; 0 where it was not.
    upstream_status: int | None = None
    # What the prompts that were run for nothing cost us, each where it was run.
    lost_nano: int = 0
    # How the last attempt failed, as the usage row tells it.
    failed_as: str = UsageEvent.Status.UPSTREAM_ERROR
    _load: dict[int, int] | None = None
    _task: "asyncio.Task[object] | None" = None
    _interruption: "asyncio.Future[str] | None" = None

    # A whole answer and what it used; kept no longer than it takes to send it.
    is_replayed: bool = False
    tokens: Tokens = field(init=False)
    answer: bytes = b""
    # It is in the caller's own words already.
    is_worded: bool = False
    # From the cache: what the answer was sold for when a model gave it.
    saved_nano: int | None = None

    # Called once a response that is kept has been written down.
    begun: Callable[[], object] = _nothing

    # Settled.
    usage: Usage = field(init=False)

    @property
    def drains(self) -> bool:
        """Whether the upstream is read to its end when the caller leaves."""
        return (
            self.is_asked
            and self.deployment is not None
            and self.deployment.on_disconnect == Deployment.OnDisconnect.DRAIN
        )

    def repeat_under(self, key: bytes, fingerprint: str) -> None:
        """Have the answer kept for those who send ``key`` and this body again."""
        self.idempotency_key = key
        self.fingerprint = fingerprint

    def cache_as(self, name: str, *, takes_cached: bool) -> None:
        """Have the answer kept for those who ask the same, or take the one there is."""
        self.cache_name = name
        self.takes_cached = takes_cached

    def estimate(
        self,
        model: OfferedModel,
        bounds: UsageBounds,
        *,
        most_out: int,
        started: float,
        runner: OfferedModel | None = None,
    ) -> None:
        """Fix the model and the most that may be used, which is what is held."""
        self.model = model
        self.runner = runner or model
        self.bounds = bounds
        self.most_out = most_out
        self.hold_nano = model.worst_price_of(
            bounds.estimated_in, bounds.most_out, bounds.parts
        )
        self.started = started
        self.occurred_at = now = datetime.now(UTC)
        self.month = f"{now.year}{now.month:02}"

    def admit(self, limit_headers: dict[str, str], *, is_held_in_redis: bool) -> None:
        """Received → admitted: the worst price is reserved."""
        self._go_to(Stage.ADMITTED)
        self.limit_headers = limit_headers
        self.is_held_in_redis = is_held_in_redis
        self.envelope = Envelope(
            self.call.endpoint,
            self.request_id,
            self.model.slug,
            int(self.occurred_at.timestamp()),
            self.call.is_stream,
            _stops_of(self.call),
        )

    def record_again(self) -> None:
        """Redis is told of it once more, for the sweeper: it was away, or forgot."""
        self.is_noted = True

    def run_at(
        self, deployment: Deployment, load: dict[int, int] | None = None
    ) -> None:
        """Admitted → running, or the next attempt of what runs.

        ``load`` counts what runs at each deployment.
        """
        self._go_to(Stage.RUNNING)
        self._unload()
        self.deployment = deployment
        self.is_asked = True
        if load is not None:
            load[deployment.pk] = load.get(deployment.pk, 0) + 1
            self._load = load
        self.attempts += 1
        self._task = asyncio.current_task()

    def let_stand_in(self, others: tuple[OfferedModel, ...]) -> None:
        """Name the models that may answer where this one does not."""
        self.stand_ins = others

    def run_as(self, runner: OfferedModel) -> None:
        """Let another model answer in the place of the one that was asked."""
        self.runner = runner

    @property
    def answered_by(self) -> str:
        """The model that answers where it is not the one that was asked."""
        return "" if self.runner is self.model else self.runner.slug

    @property
    def headers(self) -> dict[str, str]:
        """What is told beside an answer."""
        if self.runner is self.model:
            return self.limit_headers
        return {**self.limit_headers, "x-model": self.runner.slug}

    def is_native_at(self, deployment: Deployment) -> bool:
        """Whether a place speaks the caller's own protocol, and is asked in it."""
        native = self.call.native
        return native is not None and native.speaks in speaks(deployment)

    def ask(self, deployment: Deployment) -> Ask:
        """Return what a provider is asked."""
        native = self.call.native if self.is_native_at(deployment) else None
        return Ask(
            request_id=self.request_id,
            endpoint=native.speaks if native else self.call.endpoint,
            payload=native.payload if native else self.call.payload,
            native_most=native.most_field if native else "",
            is_stream=self.call.is_stream,
            model=self.runner.slug,
            created=int(self.occurred_at.timestamp()),
            max_tokens=min(self.most_out, self.runner.max_output_tokens),
            audiences=AUDIENCES,
            locale=self.caller.locale,
            on_unsent=self.record_unsent,
        )

    def scanner_at(
        self, deployment: Deployment, secrets: tuple[bytes, ...]
    ) -> StreamScanner:
        """Return what watches a stream of a place, in the words it speaks."""
        call = self.call
        if call.wording is None:
            return StreamScanner(
                self.envelope,
                self.bounds,
                wants_usage=call.wants_usage,
                secrets=secrets,
            )
        is_native = self.is_native_at(deployment)
        scanner = call.wording.scanner(self.envelope, self.bounds, is_native=is_native)
        scanner.secrets = secrets
        return scanner

    def record_unsent(self) -> None:
        """Remember that nothing was bought: the caller left before it was sent."""
        self.is_asked = False

    def record_failure(
        self, status: str, *, has_run: bool, upstream_status: int
    ) -> None:
        """Remember how an attempt failed, and what it cost us where it was run."""
        self.is_asked = False
        self.failed_as = status
        self.upstream_status = upstream_status
        if has_run:
            self.lose_prompt()

    def lose_prompt(self) -> None:
        """Count a prompt that was run for nothing, at the cost of what ran it."""
        self.lost_nano += self.runner.cost_of(self.bounds.estimated_in, 0, 0)

    @property
    def course(self) -> tuple[int, int | None]:
        """The attempt it is at, and when that said its first word."""
        return self.attempts, self.first_byte_ms

    def record_told(self, course: tuple[int, int | None]) -> None:
        """Remember of which attempt and word Redis was told last."""
        self.told = course

    def record_first_byte(self) -> None:
        self.first_byte_ms = self._milliseconds()

    def record_tokens(self, tokens_out: int) -> None:
        self.tokens_out = tokens_out

    @property
    def is_streaming(self) -> bool:
        """Whether a stream has begun, which settles itself when it ends."""
        return self._interruption is not None

    def record_answer(
        self, answer: bytes, tokens: Tokens, *, is_worded: bool = False
    ) -> None:
        """Take a whole answer; a caller who leaves from now on stops nothing."""
        # It was bought, may be kept for others and is settled as it came.
        self._task = None
        # A space before JSON means nothing, and says later what was kept.
        self.answer = _WORDED + answer if is_worded else answer
        self.is_worded = is_worded
        self.tokens = tokens

    def replay(self, answer: bytes) -> None:
        """Take the answer that was kept: nothing runs again."""
        self.is_replayed = True
        self.is_worded = answer.startswith(_WORDED)
        self.answer = answer

    def reuse(self, answer: bytes, *, saved_nano: int) -> None:
        """Take an answer that a model gave before: nothing runs, nothing is sold."""
        self.saved_nano = saved_nano
        self.is_worded = answer.startswith(_WORDED)
        self.answer = answer
        self.tokens = Tokens(0, 0, 0)

    def notify_begun(self, begun: Callable[[], object]) -> None:
        """Call ``begun`` once the response is written down."""
        self.begun = begun

    @property
    def answer_headers(self) -> dict[str, str]:
        """What a whole answer is sent with."""
        if self.is_replayed:
            return {REPLAYED.lower(): "true"}
        told = {**self.headers, "x-cost": f"{self.usage.price_nano / NANO:.9f}"}
        if self.cache_name:
            told["x-cache"] = "miss" if self.saved_nano is None else "hit"
        return told

    def take_answer(self) -> bytes:
        """Return the whole answer and forget it: the commit may have to wait."""
        answer, self.answer = self.answer, b""
        return answer

    def start_streaming(self) -> "asyncio.Future[str]":
        """Return what tells of an interruption: from now on it ends the stream."""
        self._interruption = asyncio.get_running_loop().create_future()
        return self._interruption

    def interrupt(self, reason: str) -> None:
        """End a stream early: ``client_abort``, ``revoked`` or ``shutdown``."""
        if self._interruption is not None and not self._interruption.done():
            self._interruption.set_result(reason)

    def leave(self) -> None:
        """Stop what nobody waits for, unless the upstream bills the answer anyway."""
        if self._interruption is not None:
            self.interrupt("client_abort")
        elif self.drains:
            self.has_left = True
        elif self._task is not None:
            self._task.cancel()

    def settle(self, status: str, tokens: Tokens, *, error_code: str) -> None:
        """Admitted or running → settled: ``usage`` says what it comes to."""
        self._go_to(Stage.SETTLED)
        self._unload()
        model = self.model
        deployment = self.deployment
        counts = (tokens.prompt, tokens.cached, tokens.completion, tokens.parts)
        self.usage = Usage(
            request_id=self.request_id,
            occurred_at=self.occurred_at,
            organisation_id=self.caller.organisation_id,
            key_id=self.caller.key_id,
            model=model.slug,
            edition=model.edition,
            price_version_id=model.price_version_id,
            price_list_id=model.price_list_id,
            discount_bps=model.discount_bps,
            status=status,
            is_stream=self.call.is_stream,
            is_estimated=tokens.is_estimated,
            tokens_in=tokens.prompt,
            tokens_cached=tokens.cached,
            tokens_out=tokens.completion,
            price_nano=model.price_of(*counts),
            cost_nano=self.runner.cost_of(*counts) + self.lost_nano,
            first_byte_ms=self.first_byte_ms,
            total_ms=self._milliseconds(),
            client_request_id=self.client_request_id,
            error_code=error_code,
            deployment_id=deployment.pk if deployment is not None else None,
            attempts=self.attempts,
            upstream_status=self.upstream_status,
            parts=tokens.parts,
            doubt=tokens.complaint,
            held_nano=self.hold_nano,
            answered_by=self.answered_by if tokens.prompt else "",
            saved_nano=self.saved_nano,
        )
        # It may be 20 MB, and the commit may have to wait.
        self.call.payload = {}
        self.call.native = None

    def _unload(self) -> None:
        """It runs no more where it ran."""
        load, self._load = self._load, None
        if load is not None and self.deployment is not None:
            load[self.deployment.pk] -= 1

    def _milliseconds(self) -> int:
        return int((time.perf_counter() - self.started) * 1000)

    def _go_to(self, stage: Stage) -> None:
        if self.stage not in _BEFORE[stage]:
            raise RuntimeError(
                f"{self.request_id} is {self.stage.value}: it cannot become "
                f"{stage.value}."
            )
        self.stage = stage


def _stops_of(call: ModelRequest) -> frozenset[str]:
    """Return the texts that a caller asked an answer to end at."""
    stop = call.payload.get("stop")
    if not stop:
        return frozenset()
    return frozenset([stop] if isinstance(stop, str) else stop)
