"""How many tokens a conversation is, told without running it."""

import orjson

from inference.gateway.eligibility import find_model
from inference.gateway.engine import Engine
from inference.gateway.receiving import receive
from inference.gateway.request import Request


async def count(request: Request, engine: Engine) -> None:
    """Tell about how many tokens a conversation is. Raises ``APIError``."""
    exchange = await receive(request, engine.directory, engine.bodies)
    call = exchange.call
    model = await find_model(engine.directory, exchange.caller, call.model)
    tokens = max(1, call.size.estimate(model.bytes_per_token))
    await request.respond(200, orjson.dumps({"input_tokens": tokens}))
