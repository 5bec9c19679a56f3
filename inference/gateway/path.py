"""The path of a POST to ``/v1``, from the received request to the settled one.

received   who calls, and what they ask for                       ``receiving``
           answered before, under the same ``Idempotency-Key``?   ``replays``
admitted   limits and quota let it in, its worst price is held    ``admission``
running    kept alive, settled and written down however it ends   ``settlement``
           at one deployment after another, until one answers     ``attempts``
           … or event by event, as a stream                       ``streams``
settled    one usage row, and what was held is given back

An ``Exchange`` goes along it and meets none of them twice.
"""

from functools import partial

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


async def _answer_whole(request: Request, exchange: Exchange, engine: Engine) -> None:
    async with engine.replays.claiming(exchange):
        if exchange.is_replayed:
            words = _words_of(exchange, request)
        else:
            await engine.admission.admit(exchange)
            with request.watched(exchange.leave):
                words = await _run(request, exchange, engine)

    exchange.take_answer()
    await request.respond(200, words, exchange.answer_headers)


async def _answer_later(request: Request, exchange: Exchange, engine: Engine) -> None:
    await engine.keeping.run(
        request,
        exchange,
        admit=lambda: engine.admission.admit(exchange),
        work=partial(_run, request, exchange, engine),
    )


async def _answer_with_events(
    request: Request, exchange: Exchange, engine: Engine
) -> None:
    await engine.admission.admit(exchange)

    # Settled by what was written: now, or once the upstream was read to its end.
    async with engine.settlement.carrying(request, exchange):
        with request.watched(exchange.leave):
            await engine.streams.relay(exchange, request)


async def _run(request: Request, exchange: Exchange, engine: Engine) -> bytes:
    async with engine.settlement.carrying(request, exchange):
        await engine.attempts.complete(exchange)
        return _words_of(exchange, request)


def _words_of(exchange: Exchange, request: Request) -> bytes:
    """Return the answer in the caller's words, in which it may have come."""
    return exchange.answer if exchange.is_worded else request.word(exchange.answer)
