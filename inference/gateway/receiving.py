"""Who calls, and what they ask for."""

from core.idempotency import fingerprint_of
from inference.directory.directory import Directory
from inference.gateway.exchange import Exchange
from inference.gateway.request import Request
from inference.protocol.bodies import BodyReader


async def receive(
    request: Request, endpoint: str, directory: Directory, bodies: BodyReader
) -> Exchange:
    """Return the exchange of a request. Raises ``APIError``, ``Unavailable``."""
    caller = await directory.authenticate(request.secret, request.address)
    body = await bodies.read(request, caller.organisation_id)
    call = await bodies.parse(endpoint, body)
    exchange = Exchange(request.id, request.client_request_id, caller, call)
    key = request.header(b"idempotency-key")
    if key and not call.is_stream:
        exchange.repeat_under(key, fingerprint_of(body))
    return exchange
