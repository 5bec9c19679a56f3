"""One request from admission to settlement."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from core.reading import whole_number
from inference.catalog.models import Deployment
from inference.gateway import errors
from inference.gateway.admission import Admission, pricing_url
from inference.gateway.errors import GatewayError
from inference.gateway.protocol import EMBEDDINGS, Call
from inference.gateway.routing import Router
from inference.gateway.settlement import Settlement
from inference.gateway.state import Caller, Directory, OfferedModel, Unavailable
from inference.gateway.streaming import StreamScanner, tokens_of
from inference.gateway.upstreams import (
    SILENCE,
    Begun,
    Work,
    abandon,
    callers_fault,
    close_upstream,
    first_event,
    next_piece,
)
from inference.providers.base import Ask, Provider, StreamBroke, UpstreamFailed
from inference.usage.recording import Usage

RECHECK_SECONDS = 5.0
STREAM_SECONDS = 1800.0
DRAIN_SECONDS = 60
MAX_DRAINS = 100
FIRST_BACKOFF = 0.05
# So many calls may wait for the database before new ones are refused.
MAX_UNCOMMITTED = 20_000


class Engine:
    """Admits, routes, runs and settles requests. One for each process."""

    def __init__(
        self,
        directory: Directory,
        admission: Admission,
        settlement: Settlement,
        providers: dict[str, Provider],
    ) -> None:
        self.directory = directory
        self.admission = admission
        self.settlement = settlement
        self.providers = providers
        self.router = Router()
        self.streams: set[Begun] = set()
        self.drains: set[asyncio.Task[None]] = set()

    async def find_model(self, caller: Caller, slug: str) -> OfferedModel:
        """Return a model the caller may use. Raises ``GatewayError``."""
        offered = await self.directory.offered()
        model = offered.get(slug)
        if model is None or not caller.may_see(slug):
            visible = [name for name in offered if caller.may_see(name)]
            raise errors.model_not_found(slug, visible)
        if model.is_premium and not caller.features.premium_models:
            raise errors.model_requires_plan(slug, pricing_url(caller, slug))
        return model

    async def begin(
        self, call: Call, caller: Caller, request_id: str, client_request_id: str
    ) -> Work:
        """Admit a request and reserve its worst price. Raises ``GatewayError``."""
        started = time.perf_counter()
        model = await self.find_model(caller, call.model)
        if call.endpoint == EMBEDDINGS and all(
            d.provider != "openai" for d in model.deployments
        ):
            raise errors.bad_request(
                f"The model `{model.slug}` makes no embeddings.", "model"
            )
        estimated_in = call.estimated_tokens(model.bytes_per_token)
        # The estimate errs on the high side; only what cannot fit is refused.
        if estimated_in * 0.5 + (call.max_tokens or 0) > model.context_tokens:
            raise errors.bad_request(
                f"This model's context is {model.context_tokens} tokens; the messages and "
                "the answer you asked for need more.",
                "messages",
                "context_length_exceeded",
            )
        if len(self.settlement.waiting) > MAX_UNCOMMITTED:
            # What was used could be lost: better no answer than one nobody counted.
            raise errors.limiter_unavailable()
        wanted_out = call.choices * min(
            call.max_tokens or model.default_output_tokens, model.max_output_tokens
        )
        occurred_at = datetime.now(UTC)
        reservation = await self.admission.admit(
            caller,
            request_id=request_id,
            hold=model.rates.price_of(estimated_in, 0, wanted_out),
            tokens=estimated_in + wanted_out,
            at=occurred_at,
            record={
                "organisation_id": caller.organisation_id,
                "key_id": caller.key_id,
                "model": model.slug,
                "edition": model.edition,
                "price_version_id": model.rates.version_id,
                "price": model.rates.price,
                "cost": model.rates.cost,
                "tokens_in": estimated_in,
                "tokens_out": 0,
                "is_stream": call.is_stream,
                "occurred_at": occurred_at,
            },
        )
        return Work(
            call,
            caller,
            model,
            reservation,
            self.settlement.begin(reservation),
            estimated_in,
            client_request_id,
            occurred_at,
            started,
        )

    async def complete(self, work: Work) -> bytes:
        """Return a whole answer, settled. Raises ``GatewayError``."""
        failure: UpstreamFailed | None = None
        try:
            for deployment, turn in self.router.candidates(work.model.deployments):
                await _back_off(turn)
                work.deployment = deployment
                try:
                    answer = await self.providers[deployment.provider].complete(
                        deployment, self._ask(work)
                    )
                except UpstreamFailed as error:
                    failure = error
                    if not self._may_retry(deployment, error):
                        break
                    continue
                self.router.succeeded(deployment)
                usage = answer.usage
                counted = tokens_of(usage) if usage else self._guess(work, answer.body)
                self.settle(work, "ok", *counted, is_estimated=usage is None)
                return answer.body
            raise self._translate(failure, work)
        finally:
            await self._let_go_unless_settled(work)

    async def open_stream(self, work: Work) -> Begun:
        """Return a stream whose first event is no error. Raises ``GatewayError``."""
        begun: Begun | None = None
        failure: UpstreamFailed | None = None
        try:
            for deployment, turn in self.router.candidates(work.model.deployments):
                await _back_off(turn)
                work.deployment = deployment
                try:
                    begun = await self._try_stream(work, deployment)
                except UpstreamFailed as error:
                    failure = error
                    if not self._may_retry(deployment, error):
                        break
                    continue
                self.router.succeeded(deployment)
                break
        finally:
            if begun is None:
                await self._let_go_unless_settled(work)
        if begun is None:
            raise self._translate(failure, work)
        self.streams.add(begun)
        return begun

    async def run_stream(
        self, begun: Begun, write: Callable[[bytes], Awaitable[None]]
    ) -> bool:
        """Write what the caller is to get and settle; tell whether it was whole."""
        status = "failed_mid_stream"
        try:
            if begun.first:
                await write(begun.first)
            error = await self._pass_on(begun, write)
            counted = begun.scanner.counted
            if begun.interrupted.done() and not begun.ended:
                reason = begun.interrupted.result()
                status = reason if reason == "client_abort" else status
                error = _INTERRUPTIONS.get(reason)
            elif begun.ended:
                if rest := begun.scanner.finish():
                    await write(rest)
                if counted.is_done and not counted.error:
                    status = "ok"
                elif not counted.error:
                    # Silence would look like a whole answer to the caller.
                    error = errors.upstream_broke_off
            if error is not None:
                await write(error().event())
        except OSError:
            # The caller went away between two pieces.
            status = "client_abort"
        finally:
            self.streams.discard(begun)
            self._end_stream(begun, status)
        return status == "ok"

    async def recheck(self, digest: str) -> None:
        """Cut the running streams of a key that opens nothing any more."""
        mine = [b for b in self.streams if b.work.caller.digest == digest]
        if not mine:
            return
        try:
            caller = await self.directory.caller_of(digest)
        except Unavailable:
            # Without the database no key can have been revoked.
            return
        if caller is None:
            for begun in mine:
                begun.interrupt("revoked")

    async def recheck_forever(self) -> None:
        """Notice keys that end while they stream, even when nobody announces it."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            for digest in {begun.work.caller.digest for begun in self.streams}:
                await self.recheck(digest)

    def caller_left(self, work: Work, task: "asyncio.Task[Any] | None") -> None:
        """Stop an upstream nobody waits for, unless it bills the answer anyway."""
        deployment = work.deployment
        drains = (
            deployment and deployment.on_disconnect == Deployment.OnDisconnect.DRAIN
        )
        if task is not None and not drains:
            task.cancel()

    def settle(
        self,
        work: Work,
        status: str,
        tokens_in: int,
        cached: int,
        tokens_out: int,
        *,
        is_estimated: bool,
    ) -> None:
        """Have a request's usage written down, once."""
        if work.is_settled:
            return
        work.is_settled = True
        rates = work.model.rates
        work.price_nano = rates.price_of(tokens_in, cached, tokens_out)
        self.settlement.settle(
            Usage(
                request_id=work.reservation.request_id,
                occurred_at=work.occurred_at,
                organisation_id=work.caller.organisation_id,
                key_id=work.caller.key_id,
                model=work.model.slug,
                edition=work.model.edition,
                price_version_id=rates.version_id,
                status=status,
                is_stream=work.call.is_stream,
                is_estimated=is_estimated,
                tokens_in=tokens_in,
                tokens_cached=cached,
                tokens_out=tokens_out,
                price_nano=work.price_nano,
                cost_nano=rates.cost_of(tokens_in, cached, tokens_out),
                first_byte_ms=work.first_byte_ms,
                total_ms=int((time.perf_counter() - work.started) * 1000),
                client_request_id=work.client_request_id,
            ),
            work.reservation,
        )

    async def close(self) -> None:
        """Let drains end, then the providers."""
        if self.drains:
            await asyncio.wait(self.drains, timeout=5)
        for provider in self.providers.values():
            await provider.close()

    async def _try_stream(self, work: Work, deployment: Deployment) -> Begun:
        provider = self.providers[deployment.provider]
        stream = await provider.stream(deployment, self._ask(work))
        scanner = StreamScanner(
            wants_usage=work.call.wants_usage,
            # What an upstream calls its model is nobody's affair.
            model=orjson.dumps(work.model.slug)
            if deployment.provider == Deployment.Provider.OPENAI
            else None,
            estimated_in=work.estimated_in,
        )
        try:
            async with asyncio.timeout(deployment.first_byte_timeout):
                first, ended = await first_event(stream, scanner)
        except TimeoutError as error:
            close_upstream(stream)
            raise UpstreamFailed(0, is_retryable=False, is_timeout=True) from error
        except StreamBroke as error:
            close_upstream(stream)
            raise UpstreamFailed(502, is_retryable=True) from error
        except BaseException:
            close_upstream(stream)
            raise
        work.first_byte_ms = int((time.perf_counter() - work.started) * 1000)
        work.running.tokens_out = scanner.counted.deltas
        heard_at = asyncio.get_running_loop().time()
        return Begun(work, deployment, stream, scanner, first, ended, heard_at)

    async def _pass_on(
        self, begun: Begun, write: Callable[[bytes], Awaitable[None]]
    ) -> Callable[[], GatewayError] | None:
        """Write pieces until the end, an interruption or an error to be told."""
        scanner, running = begun.scanner, begun.work.running
        ends_at = asyncio.get_running_loop().time() + STREAM_SECONDS
        while not begun.ended and not begun.interrupted.done():
            try:
                piece = await next_piece(begun, ends_at)
                if piece is None:
                    continue
                if piece is SILENCE:
                    await write(piece)
                    continue
                begun.ended = not piece
                out = scanner.feed(piece)
            except StreamBroke:
                return errors.upstream_broke_off
            running.tokens_out = scanner.counted.deltas
            if out:
                await write(out)
        return None

    def _end_stream(self, begun: Begun, status: str) -> None:
        """Settle now, or after the upstream has been read to its end."""
        counted = begun.scanner.counted
        if counted.error:
            # The caller who was told of it has left because of it.
            status = "failed_mid_stream"
        drains = begun.deployment.on_disconnect == Deployment.OnDisconnect.DRAIN
        if (
            status == "client_abort"
            and not counted.is_done
            and drains
            and len(self.drains) < MAX_DRAINS
        ):
            # The upstream bills the whole answer, so the whole answer is metered.
            task = asyncio.ensure_future(self._drain(begun))
            self.drains.add(task)
            task.add_done_callback(self.drains.discard)
            return
        if counted.is_done and not counted.error:
            status = "ok"
        abandon(begun)
        self._settle_stream(begun, status)

    async def _drain(self, begun: Begun) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                if begun.pending is not None:
                    begun.scanner.feed(await begun.pending)
                async for piece in begun.stream.pieces:
                    begun.scanner.feed(piece)
        except (TimeoutError, StreamBroke):
            pass
        finally:
            abandon(begun)
            self._settle_stream(begun, "client_abort")

    def _settle_stream(self, begun: Begun, status: str) -> None:
        counted = begun.scanner.counted
        if counted.usage is not None:
            self.settle(
                begun.work, status, *tokens_of(counted.usage), is_estimated=False
            )
        else:
            self.settle(
                begun.work,
                status,
                begun.work.estimated_in,
                0,
                counted.deltas,
                is_estimated=True,
            )

    def _ask(self, work: Work) -> Ask:
        limit = min(
            work.call.max_tokens or work.model.max_output_tokens,
            work.model.max_output_tokens,
        )
        return Ask(
            request_id=work.reservation.request_id,
            endpoint=work.call.endpoint,
            payload=work.call.payload,
            is_stream=work.call.is_stream,
            model=work.model.slug,
            created=int(work.occurred_at.timestamp()),
            max_tokens=limit,
            bytes_per_token=work.model.bytes_per_token,
            audiences=("public", "members"),
            locale=work.caller.locale,
        )

    def _guess(self, work: Work, body: bytes) -> tuple[int, int, int]:
        return (
            work.estimated_in,
            0,
            max(1, int(len(body) / work.model.bytes_per_token / 2)),
        )

    def _may_retry(self, deployment: Deployment, error: UpstreamFailed) -> bool:
        """Note a failure; tell whether to try on."""
        if error.status == 429:
            pause = whole_number(error.retry_after)
            self.router.paused(
                deployment, 5.0 if pause is None else min(max(pause, 0), 3600)
            )
        elif error.status in {0, 401, 403} or error.status >= 500:
            is_unreachable = error.status == 0 and not error.is_timeout
            self.router.failed(deployment, is_unreachable=is_unreachable)
        else:
            self.router.succeeded(deployment)
        return error.is_retryable

    def _translate(self, failure: UpstreamFailed | None, work: Work) -> GatewayError:
        if failure is None:
            return errors.no_deployment(self.router.wait(work.model.deployments))
        if failure.is_timeout:
            return errors.upstream_timeout()
        if failure.status in {401, 403}:
            return errors.upstream_auth()
        if failure.status == 429:
            return errors.upstream_rate_limited(failure.retry_after)
        if failure.status in {400, 404, 413, 422}:
            return callers_fault(failure)
        return errors.upstream_error()

    async def _let_go_unless_settled(self, work: Work) -> None:
        if not work.is_settled:
            work.is_settled = True
            await asyncio.shield(self.settlement.let_go(work.reservation))


_INTERRUPTIONS: dict[str, Callable[[], GatewayError]] = {
    "revoked": errors.key_ended,
    "shutdown": errors.shutting_down,
}


async def _back_off(turn: int) -> None:
    """Wait a little before a deployment is tried again, longer each time."""
    if turn:
        await asyncio.sleep(FIRST_BACKOFF * 2**turn * (0.5 + random.random()))  # noqa: S311
