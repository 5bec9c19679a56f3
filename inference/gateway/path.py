"""The path of a POST to ``/v1``, from the received request to the settled one.

received   who calls, and what they ask for                       ``receiving``
           answered before, under the same ``Idempotency-Key``?   ``replays``
admitted   limits and quota let it in, its worst price is held    ``admission``
running    kept alive, and settled however it ends                ``settlement``
           at one deployment after another, until one answers     ``attempts``
           … or event by event, as a stream                       ``streams``
settled    one usage row, and what was held is given back

An ``Exchange`` goes along it and meets none of them twice.
"""

import orjson

from core.idempotency import REPLAYED
from core.money import NANO
from inference.gateway.eligibility import find_model
from inference.gateway.engine import Engine
from inference.gateway.exchange import Exchange
from inference.gateway.receiving import receive
from inference.gateway.request import Request


async def answer(request: Request, engine: Engine) -> None:
    """Answer a request. Raises ``APIError`` before anything was sent."""
    exchange = await receive(request, engine.directory, engine.bodies)
    engine.check_open()

    keep = exchange.call.keep
    if exchange.call.is_stream:
        await _answer_with_events(request, exchange, engine)
    elif keep is not None and keep.is_background:
        await _answer_later(request, exchange, engine)
    else:
        await _answer_whole(request, exchange, engine)


async def count(request: Request, engine: Engine) -> None:
    """Tell about how many tokens a conversation is. Raises ``APIError``."""
    exchange = await receive(request, engine.directory, engine.bodies)
    call = exchange.call
    model = await find_model(engine.directory, exchange.caller, call.model)
    tokens = max(1, call.size.estimate(model.bytes_per_token))
    await request.respond(200, orjson.dumps({"input_tokens": tokens}))


async def _answer_whole(request: Request, exchange: Exchange, engine: Engine) -> None:
    async with engine.replays.claiming(exchange):
        if not exchange.is_replayed:
            await engine.admission.admit(exchange)

            with engine.settlement.settling(exchange), request.watched(exchange.leave):
                async with engine.keeping.keeping(request, exchange):
                    await engine.attempts.complete(exchange)
                    told = request.word(exchange.answer)
        else:
            told = request.word(exchange.answer)

    exchange.take_answer()
    await request.respond(200, told, _headers_of(exchange))


async def _answer_later(request: Request, exchange: Exchange, engine: Engine) -> None:
    await engine.admission.admit(exchange)

    async def run() -> None:
        with engine.settlement.settling(exchange):
            async with engine.keeping.keeping(request, exchange):
                await engine.attempts.complete(exchange)
                request.word(exchange.take_answer())

    await engine.keeping.run(request, exchange, run)


async def _answer_with_events(
    request: Request, exchange: Exchange, engine: Engine
) -> None:
    await engine.admission.admit(exchange)

    # Settled by what was written: now, or once the upstream was read to its end.
    with engine.settlement.settling(exchange), request.watched(exchange.leave):
        async with engine.keeping.keeping(request, exchange):
            await engine.streams.relay(exchange, request)


def _headers_of(exchange: Exchange) -> dict[str, str]:
    if exchange.is_replayed:
        return {REPLAYED.lower(): "true"}
    price = exchange.usage.price_nano / NANO
    return {**exchange.headers, "x-cost": f"{price:.9f}"}
