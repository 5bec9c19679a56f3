"""The wire: authentication, idempotency, errors, one transaction per call."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stripe_emulator import bounds, params
from stripe_emulator.account import API_VERSION, Account, Call, new_id
from stripe_emulator.errors import ApiError, InvalidParameter
from stripe_emulator.faults import Answer, Faults
from stripe_emulator.forms import decode
from stripe_emulator.render import expand, public
from stripe_emulator.routes import ROUTES, Handler

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
REPLAY_SECONDS = 24 * 3600


class Api:
    """Every ``/v1`` call on one account."""

    def __init__(self, account: Account, faults: Faults) -> None:
        self.account = account
        self.faults = faults

    def routes(self) -> list[Route]:
        """The routing table, with a JSON 404 for everything else."""
        found = [
            Route(path, self._endpoint(handler, contract), methods=[method])
            for method, path, handler, contract in ROUTES
        ]
        return [
            *found,
            *(
                Route(path, self._unknown, methods=["GET", "POST", "DELETE"])
                for path in ("/v1/{rest:path}", "/v2/{rest:path}")
            ),
        ]

    def _endpoint(self, handler: Handler, contract: str) -> Any:
        async def endpoint(request: Request) -> Response:
            return await self._serve(request, handler, contract)

        return endpoint

    async def _unknown(self, request: Request) -> Response:
        return self._refusal(
            ApiError(
                f"Unrecognized request URL ({request.method}: {request.url.path}). "
                "If this is a call the emulator does not cover, see its README.",
                status=404,
            ),
            new_id("req", 14),
        )

    async def _serve(
        self, request: Request, handler: Handler, contract: str
    ) -> Response:
        request_id = new_id("req", 14)
        try:
            self._authenticate(request)
            body = await self._body(request)
            fault = self.faults.answer_for(request.method, request.url.path)
            if fault is not None and not fault.after:
                return await self._fail(fault, request_id)
            response = self._answer(request, handler, contract, body, request_id)
            if fault is not None:
                return await self._fail(fault, request_id)
        except ApiError as refusal:
            response = self._refusal(refusal, request_id)
        self.account.has_news()
        return response

    def _authenticate(self, request: Request) -> None:
        header = request.headers.get("authorization", "")
        scheme, _, given = header.partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given).decode().partition(":")[0]
            except ValueError:
                given = ""
        if not given:
            raise ApiError(
                "You did not provide an API key. You need to provide your API key in "
                "the Authorization header, using Bearer auth.",
                status=401,
            )
        if not hmac.compare_digest(given.encode(), self.account.settings.key.encode()):
            shown = f"{given[:8]}****{given[-4:]}" if len(given) > 16 else "****"
            raise ApiError(f"Invalid API Key provided: {shown}", status=401)

    async def _body(self, request: Request) -> str:
        if int(request.headers.get("content-length") or 0) > MAX_BODY:
            raise ApiError("Request body is too large.", status=413)
        body = await request.body()
        if len(body) > MAX_BODY:
            raise ApiError("Request body is too large.", status=413)
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise InvalidParameter("Invalid request body: not UTF-8.") from error

    def _answer(
        self,
        request: Request,
        handler: Handler,
        contract: str,
        body: str,
        request_id: str,
    ) -> Response:
        """Replay a known key, or do the work and remember its answer."""
        key = request.headers.get("idempotency-key")
        key = key if request.method == "POST" else None
        if key is not None and len(key) > 255:
            raise InvalidParameter("Idempotency keys may be up to 255 characters long.")
        content = f"{request.method} {request.url.path}\n{body}"
        fingerprint = hashlib.sha256(content.encode()).hexdigest()
        replayed = self._replay(key, fingerprint, request) if key else None
        if replayed is not None:
            return replayed
        self.account.call = Call(
            id=request_id,
            idempotency_key=key,
            stripe_version=request.headers.get("stripe-version", API_VERSION),
        )
        try:
            status, content = self._work(request, handler, contract, body, request_id)
        except InvalidParameter:
            raise
        except ApiError as refusal:
            status, content = refusal.status, json.dumps(refusal.body(request_id))
        finally:
            self.account.call = Call()
        if key and status != 401:
            self._remember(key, fingerprint, status, content)
        return self._response(content, status, request_id, key)

    def _work(
        self,
        request: Request,
        handler: Handler,
        contract: str,
        body: str,
        request_id: str,
    ) -> tuple[int, str]:
        raw = decode(request.url.query)
        raw.update(decode(body) if body else {})
        known = params.check(contract, raw)
        bounds.check(contract, known)
        paths = known.pop("expand", [])
        with self.account.store.transaction():
            found = handler(self.account, known, *request.path_params.values())
            shown = expand(self.account.store, public(self.account.store, found), paths)
            return 200, json.dumps(shown, ensure_ascii=False)

    def _replay(self, key: str, fingerprint: str, request: Request) -> Response | None:
        row = self.account.store.db.execute(
            "SELECT fingerprint, status, body FROM replays"
            " WHERE key = ? AND created > ?",
            (key, time.time() - REPLAY_SECONDS),
        ).fetchone()
        if row is None:
            return None
        if row[0] != fingerprint:
            raise ApiError(
                "Keys for idempotent requests can only be used with the same "
                "parameters they were first used with. Try using a key other than "
                f"'{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        response = self._response(row[2], row[1], new_id("req", 14), key)
        response.headers["Idempotent-Replayed"] = "true"
        return response

    def _remember(self, key: str, fingerprint: str, status: int, body: str) -> None:
        self.account.store.db.execute(
            "INSERT OR REPLACE INTO replays VALUES (?, ?, ?, ?, ?)",
            (key, fingerprint, status, body, time.time()),
        )

    def _response(
        self, content: str, status: int, request_id: str, key: str | None = None
    ) -> Response:
        headers = {
            "Request-Id": request_id,
            "Stripe-Version": API_VERSION,
            "Cache-Control": "no-store",
        }
        if key:
            headers["Idempotency-Key"] = key.encode("ascii", "replace").decode()
        return Response(content, status, headers, "application/json")

    def _refusal(self, refusal: ApiError, request_id: str) -> Response:
        content = json.dumps(refusal.body(request_id))
        response = self._response(content, refusal.status, request_id)
        # A wrong answer stays wrong however often it is asked for.
        response.headers["Stripe-Should-Retry"] = "false"
        return response

    async def _fail(self, fault: Answer, request_id: str) -> Response:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.status == 0:
            # Long silence, then a cut: what a client sees as a timeout.
            return JSONResponse({}, 504)
        kind = "api_error"
        code, message = None, "An unknown error occurred (asked for by a fault)."
        if fault.status == 429:
            kind, code, message = (
                "invalid_request_error",
                "rate_limit",
                "Too many requests.",
            )
        refusal = ApiError(message, status=fault.status, kind=kind, code=code)
        return self._response(
            json.dumps(refusal.body(request_id)), fault.status, request_id
        )
