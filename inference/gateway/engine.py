"""One request from admission to settlement."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import orjson

from inference.catalog.models import Deployment
from inference.gateway import errors
from inference.gateway.admission import Admission, pricing_url
from inference.gateway.answers import Envelope, error_in
from inference.gateway.attempts import Attempts
from inference.gateway.books import Books
from inference.gateway.errors import GatewayError
from inference.gateway.fields import refuse_unknown
from inference.gateway.metering import Bounds, meter
from inference.gateway.needs import check_needs
from inference.gateway.protocol import EMBEDDINGS, Call
from inference.gateway.settlement import Settlement
from inference.gateway.state import Caller, Directory, OfferedModel, Unavailable
from inference.gateway.streams import Streams
from inference.gateway.upstreams import Work, ask_of
from inference.gateway.weighing import Weight, weigh_choice
from inference.providers.base import Provider, UpstreamFailed
from inference.providers.wire import Unreadable
from inference.usage.models import UsageEvent

Status = UsageEvent.Status

RECHECK_SECONDS = 5.0
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
        self.books = Books(settlement)
        self.attempts = Attempts(settlement.redis)
        self.streams = Streams(self.attempts, self.books, providers)

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
        refuse_unknown(call.endpoint, call.payload, model.accepts)
        if call.endpoint == EMBEDDINGS and all(
            d.provider != "openai" for d in model.deployments
        ):
            raise errors.bad_request(
                f"The model `{model.slug}` makes no embeddings.", "model"
            )
        check_needs(
            call.endpoint, call.payload, model=model.slug, able=model.capabilities
        )
        bounds, most_out, expected_out = bounds_of(call, model)
        if len(self.settlement.waiting) > MAX_UNCOMMITTED:
            # What was used could be lost: better no answer than one nobody counted.
            raise errors.limiter_unavailable()
        occurred_at = datetime.now(UTC)
        reservation = await self.admission.admit(
            caller,
            request_id=request_id,
            hold=model.rates.price_of(bounds.estimated_in, 0, bounds.most_out),
            tokens=bounds.estimated_in + expected_out,
            at=occurred_at,
            record={
                "organisation_id": caller.organisation_id,
                "key_id": caller.key_id,
                "model": model.slug,
                "edition": model.edition,
                "price_version_id": model.rates.version_id,
                "price": model.rates.price,
                "cost": model.rates.cost,
                "tokens_in": bounds.estimated_in,
                "tokens_out": 0,
                "is_stream": call.is_stream,
                "occurred_at": occurred_at,
            },
        )
        envelope = Envelope(
            call.endpoint,
            request_id,
            model.slug,
            int(occurred_at.timestamp()),
            call.is_stream,
        )
        return Work(
            call,
            caller,
            model,
            reservation,
            self.settlement.begin(reservation),
            bounds,
            most_out,
            envelope,
            client_request_id,
            occurred_at,
            started,
        )

    async def complete(self, work: Work) -> bytes:
        """Return a whole answer, settled. Raises ``GatewayError``."""

        async def run(deployment: Deployment) -> tuple[dict[str, Any], bytes]:
            provider = self.providers[deployment.provider]
            answer = await provider.complete(deployment, ask_of(work))
            error = error_in(answer.value)
            was_run = answer.value.get("usage") is not None
            if error:
                body = orjson.dumps({"error": error})
                raise UpstreamFailed(200, body=body, was_run=was_run)
            try:
                return answer.value, work.envelope.answer_of(answer.body, answer.value)
            except Unreadable as unreadable:
                raise UpstreamFailed(200, was_run=True) from unreadable

        try:
            value, answer = await self.attempts.first_answer(work, run)
            written = Weight()
            if work.call.endpoint != EMBEDDINGS:
                for choice in value["choices"]:
                    weigh_choice(written, choice)
            tokens = meter(value.get("usage"), written, work.bounds)
            self.books.settle(work, Status.OK, tokens)
            return work.envelope.wrap(answer, orjson.dumps(tokens.told()))
        except GatewayError as error:
            self.books.fail(work, work.failed_as, error)
            raise
        except asyncio.CancelledError:
            self.books.leave(work)
            raise
        finally:
            self.books.fail(work, Status.UPSTREAM_ERROR, errors.internal_error(""))

    async def recheck(self, digest: str) -> None:
        """Cut the running streams of a key that opens nothing any more."""
        mine = [b for b in self.streams.running if b.work.caller.digest == digest]
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
            for digest in {begun.work.caller.digest for begun in self.streams.running}:
                await self.recheck(digest)

    def caller_left(self, work: Work, task: "asyncio.Task[Any] | None") -> None:
        """Stop an upstream nobody waits for, unless it bills the answer anyway."""
        deployment = work.deployment
        drains = (
            deployment and deployment.on_disconnect == Deployment.OnDisconnect.DRAIN
        )
        if task is not None and not drains:
            task.cancel()

    async def close(self) -> None:
        """Let drains end, then the providers."""
        await self.streams.close()
        for provider in self.providers.values():
            await provider.close()


def bounds_of(call: Call, model: OfferedModel) -> tuple[Bounds, int, int]:
    """Return what a call can use, the longest one answer may be, and a likely sum.

    What is asked for or, without that, all that the model can write in what its
    context leaves: this is sent upstream and this is what is held. Raises
    ``GatewayError`` for what cannot fit.
    """
    weight, context = call.weight, model.context_tokens
    estimated_in = max(1, weight.estimate(model.bytes_per_token))
    each_in = estimated_in // weight.texts
    if call.endpoint == EMBEDDINGS:
        most_out = likely = answers = 0
    else:
        room = max(context - each_in, model.default_output_tokens)
        most_out = min(call.max_tokens or room, model.max_output_tokens)
        likely = min(call.max_tokens or model.default_output_tokens, most_out)
        answers = call.choices * weight.texts
    # The estimate errs on the high side; only what cannot fit is refused.
    if each_in * 0.5 + (most_out if call.max_tokens else 0) > context:
        raise errors.context_exceeded(context)
    bounds = Bounds(
        estimated_in=estimated_in,
        most_in=weight.most(context),
        most_out=most_out * answers,
        answers=answers,
        prompts=weight.texts,
        bytes_per_token=model.bytes_per_token,
    )
    return bounds, most_out, likely * answers
