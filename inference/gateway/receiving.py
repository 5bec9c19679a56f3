"""Who calls, and what they ask for."""

from core.idempotency import fingerprint_of
from inference.directory.callers import Caller
from inference.directory.directory import Directory
from inference.gateway.cache import name_request
from inference.gateway.exchange import Exchange
from inference.gateway.keeping import before
from inference.gateway.request import Request
from inference.keys.models import ApiKey
from inference.protocol import errors
from inference.protocol.bodies import BodyReader
from inference.transcripts.recorder import begin


async def authenticated(request: Request, directory: Directory, scope: str) -> Caller:
    """Return who calls, and may from where and for what. Raises ``APIError``.

    A page of an allowed origin may read the answer, a refusal too.
    """
    caller = await directory.authenticate(request.secret, request.address)
    origin = request.header(b"origin").decode("latin-1")
    if origin and caller.rules.origins:
        if origin not in caller.rules.origins:
            raise errors.origin_not_allowed(origin)
        request.share_with(origin)
    caller.require(scope)
    return caller


async def receive(
    request: Request, directory: Directory, bodies: BodyReader
) -> Exchange:
    """Return the exchange of a request. Raises ``APIError``, ``Unavailable``."""
    caller = await authenticated(request, directory, ApiKey.Scope.INFERENCE)
    body = await bodies.read(request, caller.organisation_id)
    if caller.rules.hidden_data:
        body, counts = await bodies.hide(body, caller.rules.hidden_data)
        request.record_hidden(counts)
    if caller.keeps_transcripts:
        request.transcript = begin(request.id, caller.organisation_id, body)
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
    if caller.rules.cache_seconds:
        name_request(request, exchange, body)
    return exchange
