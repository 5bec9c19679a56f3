"""Who calls, and what they ask for."""

from core.idempotency import fingerprint_of
from inference.directory.directory import Directory
from inference.gateway.exchange import Exchange
from inference.gateway.keeping import before
from inference.gateway.request import Request
from inference.protocol import errors
from inference.protocol.bodies import BodyReader


async def receive(
    request: Request, directory: Directory, bodies: BodyReader
) -> Exchange:
    """Return the exchange of a request. Raises ``APIError``, ``Unavailable``."""
    caller = await directory.authenticate(request.secret, request.address)
    body = await bodies.read(request, caller.organisation_id)
    known = await before(request.dialect, body, caller)
    call = await bodies.parse(request.dialect, body, request.id, known)
    request.wording = call.wording
    exchange = Exchange(request.id, request.client_request_id, caller, call)
    key = request.header(b"idempotency-key")
    if key and call.keep is not None:
        raise errors.bad_request(
            "`Idempotency-Key` cannot be used with a response that is stored: each "
            "has an id of its own."
        )
    if key and not call.is_stream:
        # The same bytes on another road are another request.
        road = b"" if call.wording is None else request.dialect.name.encode()
        exchange.repeat_under(key, fingerprint_of(road + body))
    return exchange
