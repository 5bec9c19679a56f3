"""One request from admission to settlement."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from django.conf import settings

from inference.catalog.models import Deployment
from inference.gateway import errors
from inference.gateway.admission import Admission, Reservation
from inference.gateway.errors import GatewayError
from inference.gateway.protocol import EMBEDDINGS, Call
from inference.gateway.routing import Router
from inference.gateway.settlement import Running, Settlement
from inference.gateway.state import Caller, Directory, OfferedModel
from inference.gateway.streaming import StreamScanner, tokens_of
from inference.providers.base import Ask, Provider, Stream, StreamBroke, UpstreamFailed
from inference.usage.recording import Usage

KEEP_ALIVE_SECONDS = 15
DRAIN_SECONDS = 60
MAX_DRAINS = 100


@dataclass(slots=True)
class Work:
    """A request that was admitted."""

    call: Call
    caller: Caller
    model: OfferedModel
    reservation: Reservation
    running: Running
    estimated_in: int
    client_request_id: str
    occurred_at: datetime
    started: float
    first_byte_ms: int | None = None
    is_settled: bool = False


@dataclass(slots=True)
class Begun:
    """A stream whose first event is good: what to send, and what is to come."""

    work: Work
    deployment: Deployment
    stream: Stream
    scanner: StreamScanner
    first: bytes
    ended: bool


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
        self.drains: set[asyncio.Task[None]] = set()

    async def find_model(self, caller: Caller, slug: str) -> OfferedModel:
        """Return a model the caller may use. Raises ``GatewayError``."""
        model = (await self.directory.offered()).get(slug)
        if model is None or (
            caller.allowed_models and slug not in caller.allowed_models
        ):
            raise errors.model_not_found(slug)
        if model.is_premium and not caller.features.premium_models:
            raise errors.model_requires_plan(slug, f"{settings.SITE_URL}/pricing/")
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
        estimated_in = max(1, int(call.body_bytes / model.bytes_per_token))
        wanted_out = call.max_tokens or model.default_output_tokens
        # The estimate errs on the high side; only what cannot fit is refused.
        if estimated_in * 0.5 + (call.max_tokens or 0) > model.context_tokens:
            raise errors.bad_request(
                f"This model's context is {model.context_tokens} tokens; the messages and "
                "the answer you asked for need more.",
                "messages",
                "context_length_exceeded",
            )
        wanted_out = min(wanted_out, model.max_output_tokens)
        occurred_at = datetime.now(UTC)
        reservation = await self.admission.admit(
            caller,
            request_id=request_id,
            hold=model.rates.price_of(estimated_in, 0, wanted_out),
            tokens=estimated_in + wanted_out,
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
                "occurred_at": occurred_at.isoformat(),
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
            for deployment in self.router.candidates(work.model.deployments):
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
            for deployment in self.router.candidates(work.model.deployments):
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
        return begun

    async def run_stream(
        self, begun: Begun, is_gone: "asyncio.Future[Any]", stopping: asyncio.Event
    ) -> AsyncIterator[bytes]:
        """Yield what the caller is to get; settles however it ends."""
        work, scanner = begun.work, begun.scanner
        status = "failed_mid_stream"
        try:
            if begun.first:
                yield begun.first
            ended = begun.ended
            while not ended:
                if is_gone.done():
                    status = "client_abort"
                    break
                if stopping.is_set():
                    yield errors.shutting_down().event()
                    break
                try:
                    piece = await self._next_piece(begun, is_gone, stopping)
                except StreamBroke:
                    yield errors.upstream_error(
                        "The model broke off its answer."
                    ).event()
                    break
                if piece is None:
                    continue
                if piece == b"":
                    ended = True
                elif piece is _SILENCE:
                    yield b": keep-alive\n\n"
                elif out := scanner.feed(piece):
                    work.running.tokens_out = scanner.counted.deltas
                    yield out
            if ended:
                if rest := scanner.finish():
                    yield rest
                if scanner.counted.is_done and not scanner.counted.error:
                    status = "ok"
                elif not scanner.counted.error:
                    # Silence would look like a whole answer to the caller.
                    yield errors.upstream_error(
                        "The model broke off its answer."
                    ).event()
        except GeneratorExit:
            status = "client_abort"
            raise
        finally:
            self._end_stream(begun, status)

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
                price_nano=rates.price_of(tokens_in, cached, tokens_out),
                cost_nano=rates.cost_of(tokens_in, cached, tokens_out),
                first_byte_ms=work.first_byte_ms,
                total_ms=int((time.perf_counter() - work.started) * 1000),
                client_request_id=work.client_request_id,
            ),
            work.reservation,
        )

    def price_header(self, work: Work, body: bytes) -> str:
        """Return the price of a whole answer in dollars."""
        usage = orjson.loads(body).get("usage") or {}
        counted = tokens_of(usage) if usage else self._guess(work, body)
        return f"{work.model.rates.price_of(*counted) / 1_000_000_000:.9f}"

    async def close(self) -> None:
        """Let drains end, then the providers."""
        if self.drains:
            await asyncio.wait(self.drains, timeout=5)
        for provider in self.providers.values():
            await provider.close()

    async def _try_stream(self, work: Work, deployment: Deployment) -> Begun:
        provider = self.providers[deployment.provider]
        stream = await provider.stream(deployment, self._ask(work))
        upstream_name = deployment.upstream_model
        rename = None
        if upstream_name and upstream_name != work.model.slug:
            rename = (
                b'"model":' + orjson.dumps(upstream_name),
                b'"model":' + orjson.dumps(work.model.slug),
            )
        scanner = StreamScanner(wants_usage=work.call.wants_usage, rename=rename)
        first = b""
        ended = False
        try:
            async with asyncio.timeout(deployment.first_byte_timeout):
                # Some servers answer 200 and then send an error as the first event.
                while not first and not ended:
                    piece = await anext(stream.pieces, b"")
                    ended = not piece
                    first = scanner.feed(piece) if piece else scanner.finish()
        except TimeoutError as error:
            raise UpstreamFailed(0, is_retryable=False, is_timeout=True) from error
        except StreamBroke as error:
            raise UpstreamFailed(502, is_retryable=True) from error
        if scanner.counted.error is not None and scanner.counted.deltas == 0:
            raise UpstreamFailed(
                502,
                is_retryable=True,
                body=orjson.dumps({"error": scanner.counted.error}),
            )
        if ended and not scanner.counted.events:
            raise UpstreamFailed(502, is_retryable=True)
        work.first_byte_ms = int((time.perf_counter() - work.started) * 1000)
        return Begun(work, deployment, stream, scanner, first, ended)

    async def _next_piece(
        self, begun: Begun, is_gone: "asyncio.Future[Any]", stopping: asyncio.Event
    ) -> bytes | None:
        """Return the next bytes; ``None`` to look around, ``b""`` at the end."""
        task = asyncio.ensure_future(anext(begun.stream.pieces, b""))
        waited = 0.0
        try:
            while True:
                done, _ = await asyncio.wait(
                    {task, is_gone},
                    timeout=1.0,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if task in done:
                    return task.result()
                if is_gone in done or stopping.is_set():
                    await _cancel(task)
                    return None
                waited += 1.0
                if waited >= begun.deployment.idle_timeout:
                    await _cancel(task)
                    raise StreamBroke
                if waited % KEEP_ALIVE_SECONDS == 0:
                    begun.stream.pieces = _resume(task, begun.stream.pieces)
                    return _SILENCE
        except asyncio.CancelledError:
            await _cancel(task)
            raise

    def _end_stream(self, begun: Begun, status: str) -> None:
        """Settle now, or after the upstream has been read to its end."""
        counted = begun.scanner.counted
        if status != "client_abort" or counted.is_done:
            status = "ok" if counted.is_done and not counted.error else status
            self._settle_stream(begun, status)
            _close(begun.stream)
            return
        drains = begun.deployment.on_disconnect == Deployment.OnDisconnect.DRAIN
        if drains and len(self.drains) < MAX_DRAINS:
            # The upstream bills the whole answer, so the whole answer is metered.
            task = asyncio.ensure_future(self._drain(begun))
            self.drains.add(task)
            task.add_done_callback(self.drains.discard)
            return
        _close(begun.stream)
        self._settle_stream(begun, status)

    async def _drain(self, begun: Begun) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                async for piece in begun.stream.pieces:
                    begun.scanner.feed(piece)
        except (TimeoutError, StreamBroke, RuntimeError):
            pass
        finally:
            _close(begun.stream)
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
        if error.status in {0, 401, 403} or error.status >= 500:
            self.router.failed(deployment)
        elif error.status == 429:
            pause = float(error.retry_after) if error.retry_after.isdigit() else 5.0
            self.router.failed(deployment, pause=pause)
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
            return _callers_fault(failure)
        return errors.upstream_error()

    async def _let_go_unless_settled(self, work: Work) -> None:
        if not work.is_settled:
            work.is_settled = True
            await asyncio.shield(self.settlement.let_go(work.reservation))


_SILENCE = b": silence"


def _callers_fault(failure: UpstreamFailed) -> GatewayError:
    """Pass on what an upstream says of the request, not where it was said."""
    message, kind, param, code = (
        "The model refused the request.",
        "invalid_request_error",
        None,
        None,
    )
    try:
        said = orjson.loads(failure.body)["error"]
        text = str(said.get("message", ""))
        if text and "://" not in text:
            message = text[:500]
        kind = str(said.get("type") or kind)
        param, code = said.get("param"), said.get("code")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass
    return GatewayError(
        400,
        message,
        kind=kind,
        param=param if isinstance(param, str) else None,
        code=str(code) if code else None,
    )


async def _cancel(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    try:
        await task
    except (asyncio.CancelledError, StreamBroke):
        return


async def _resume(
    task: "asyncio.Future[bytes]", pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """Yield what ``task`` is waiting for, then the rest."""
    if piece := await task:
        yield piece
        async for piece in pieces:
            yield piece


def _close(stream: Stream) -> None:
    if stream.close is not None:
        stream.close()
