"""Any server that speaks OpenAI's protocol: vLLM, SGLang, Ollama, OpenAI …"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import orjson

from edge import tracing
from inference.catalog.models import Deployment
from inference.providers.addresses import CheckedResolver
from inference.providers.base import (
    Answer,
    Ask,
    Stream,
    StreamBroke,
    UpstreamFailed,
    is_answered,
)
from inference.providers.keyring import (
    LIMITED_SECONDS,
    OF_THE_KEY,
    REFUSED,
    REFUSED_SECONDS,
    Keyring,
    Keyrings,
)
from inference.providers.lean_http import (
    Address,
    BrokenAnswer,
    HTTPResponse,
    LeanHTTP,
    Unreachable,
    address_of,
)
from inference.providers.wire import (
    Unreadable,
    as_events,
    loads,
    seconds_of,
    sent,
    sent_natively,
)

# Bytes. A batch of embeddings is the largest answer: 2 048 vectors of 1 536 numbers in
# decimals are about 60 MB.
MAX_ANSWER = 64_000_000
# Bytes of an error that are read; a sentence and perhaps a traceback.
MAX_ERROR = 100_000
# It is written already when its status is sent; what is slower says nothing more.
ERROR_SECONDS = 2.0
ANTHROPIC_VERSION = "2023-06-01"  # the only one there is
# A list of models takes milliseconds; a server that is busy answers it all the same.
LOOK_SECONDS = 5.0


class OpenAIProvider:
    """Passes requests on. Addresses come from staff, never from callers."""

    def __init__(
        self, on_refused_key: Callable[[Deployment, int], None] | None = None
    ) -> None:
        self._client = LeanHTTP(CheckedResolver().resolve)
        # Told of a key that was refused while another one of the deployment worked.
        self._on_refused_key = on_refused_key
        self._rings = Keyrings()

    async def complete(self, deployment: Deployment, ask: Ask) -> Answer:
        """Return the whole answer. Raises ``UpstreamFailed``."""
        try:
            async with asyncio.timeout(deployment.total_timeout):
                response = await self._post(deployment, ask)
                body = await _bounded(response)
        except TimeoutError as error:
            raise UpstreamFailed(0, is_timeout=True) from error
        return Answer(body, _answer_in(body, response.status), response.status)

    async def stream(self, deployment: Deployment, ask: Ask) -> Stream:
        """Begin a stream. Raises ``UpstreamFailed``."""
        began_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(began_at + deployment.first_byte_timeout):
                response = await self._post(deployment, ask)
        except TimeoutError as error:
            raise UpstreamFailed(0, is_timeout=True) from error
        kind = response.headers.get("content-type", "")
        if kind.startswith(("application/json", "text/html")):
            # No stream, or one under a wrong name; either way it was asked for once.
            try:
                async with asyncio.timeout_at(began_at + deployment.total_timeout):
                    body = await _bounded(response)
            except TimeoutError as error:
                raise UpstreamFailed(0, is_timeout=True) from error
            if not body.lstrip().startswith((b"data:", b":", b"event:")):
                value = _answer_in(body, response.status)
                if ask.native_most:
                    # It was asked for once, in a protocol with events of its own.
                    raise UpstreamFailed(response.status, was_run=True)
                try:
                    body = as_events(value)
                except Unreadable as error:
                    raise UpstreamFailed(response.status, was_run=True) from error
            return Stream(_once(body), status=response.status)
        return Stream(self._pieces(response), response.close, response.status)

    async def look(self, deployment: Deployment) -> int:
        """Return what a server answers that is asked for nothing; it costs nothing.

        Raises ``UpstreamFailed`` where it does not answer.
        """
        status, _body = await self._get(deployment, _address(deployment, "models"))
        return status

    async def metrics(self, deployment: Deployment) -> str:
        """Return what a server exports of itself. Raises ``UpstreamFailed``."""
        # Beside the protocol, whose addresses begin with /v1.
        address = replace(_address(deployment, "metrics"), path="/metrics")
        status, body = await self._get(deployment, address)
        if status != 200:
            raise UpstreamFailed(status, body=body[:MAX_ERROR])
        return body.decode("utf-8", "replace")

    async def _get(self, deployment: Deployment, address: Address) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(LOOK_SECONDS + deployment.connect_timeout):
                response = await self._asked(deployment, address)
                return response.status, await _bounded(response)
        except TimeoutError as error:
            raise UpstreamFailed(0, is_timeout=True) from error

    async def list_models(self, deployment: Deployment) -> list[dict[str, Any]]:
        """Return what the server lists. Raises ``UpstreamFailed``."""
        try:
            async with asyncio.timeout(deployment.first_byte_timeout):
                address = _address(deployment, "models")
                response = await self._asked(deployment, address)
                if response.status != 200:
                    said = await _error_of(response)
                    raise UpstreamFailed(response.status, body=said)
                body = await _bounded(response)
        except TimeoutError as error:
            raise UpstreamFailed(0, is_timeout=True) from error
        listed = _answer_in(body, 200).get("data")
        return [
            entry
            for entry in (listed if isinstance(listed, list) else ())
            if isinstance(entry, dict) and "id" in entry
        ]

    async def _asked(self, deployment: Deployment, address: Address) -> HTTPResponse:
        """Get what is at an address. Raises ``UpstreamFailed``."""
        try:
            return await self._client.request(
                "GET",
                address,
                _headers(self._first_key(deployment), deployment),
                connect_timeout=deployment.connect_timeout,
            )
        except OSError as error:
            raise UpstreamFailed(0, is_unreachable=True) from error

    async def close(self) -> None:
        self._client.close()

    async def _post(self, deployment: Deployment, ask: Ask) -> HTTPResponse:
        if ask.native_most:
            payload = sent_natively(ask.payload, ask.max_tokens, ask.native_most)
        else:
            payload = sent(
                ask.payload,
                most_out=ask.max_tokens,
                name=deployment.options.get("max_tokens_field", "max_tokens"),
                is_stream=ask.is_stream,
            )
        if ask.is_stream:
            payload["stream"] = True
        payload["model"] = deployment.upstream_model or ask.model
        body = orjson.dumps(payload)
        ring = self._rings.of(deployment)
        refused: dict[str, int] = {}
        while True:
            key = ring.pick(set(refused)) if ring is not None else None
            response = await self._sent(deployment, ask, body, key)
            status = response.status
            if status in OF_THE_KEY and ring is not None and key is not None:
                refused[key] = status
                wait = seconds_of(response.headers)
                if status == 429:
                    ring.rest(key, LIMITED_SECONDS if wait is None else wait)
                if len(refused) < len(ring.keys):
                    # Nothing was run: the next key may do better.
                    await _error_of(response)
                    continue
            elif ring is not None and refused:
                self._rest_refused(deployment, ring, refused)
            if is_answered(status):
                # What the body says is for who asked: it was bought either way.
                return response
            retry_after = seconds_of(response.headers)
            said = await _error_of(response)
            raise UpstreamFailed(status, body=said, retry_after=retry_after)

    def _rest_refused(
        self, deployment: Deployment, ring: Keyring, refused: dict[str, int]
    ) -> None:
        """Let keys rest that were refused what another one was given."""
        for key, status in refused.items():
            if status in REFUSED:
                ring.rest(key, REFUSED_SECONDS)
                if self._on_refused_key is not None:
                    self._on_refused_key(deployment, status)

    def is_short_of_keys(self, deployment: Deployment) -> bool:
        """Tell whether keys of a deployment rest while others work."""
        ring = self._rings.of(deployment)
        return ring is not None and ring.is_short

    async def _sent(
        self, deployment: Deployment, ask: Ask, body: bytes, key: str | None
    ) -> HTTPResponse:
        """Send a body with a key. Raises ``UpstreamFailed`` where nothing answers."""
        headers = _headers(key, deployment, ask)
        if tracing.is_on():
            tracing.inject(headers)
        try:
            return await self._client.request(
                "POST",
                _address(deployment, ask.endpoint),
                headers,
                body,
                connect_timeout=deployment.connect_timeout,
                on_unsent=ask.on_unsent,
            )
        except Unreachable as error:
            raise UpstreamFailed(0, is_unreachable=True) from error
        except BrokenAnswer as error:
            # Reset before a byte of the answer; the request may have done it.
            raise UpstreamFailed(0) from error

    def _first_key(self, deployment: Deployment) -> str | None:
        ring = self._rings.of(deployment)
        return ring.pick(set()) if ring is not None else None

    async def _pieces(self, response: HTTPResponse) -> AsyncIterator[bytes]:
        """Yield what arrives; how long to wait for it is the gateway's affair."""
        try:
            while piece := await response.read():
                yield piece
        except BrokenAnswer as error:
            raise StreamBroke from error
        finally:
            response.close()


def _address(deployment: Deployment, endpoint: str) -> Address:
    """Return where a deployment is asked. Raises ``UpstreamFailed`` for nowhere."""
    try:
        return address_of(f"{deployment.base_url.rstrip('/')}/{endpoint}")
    except Unreachable as error:
        raise UpstreamFailed(0, is_unreachable=True) from error


def _headers(
    key: str | None, deployment: Deployment, ask: Ask | None = None
) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "accept": "*/*",
        # Compressed, the first token could wait for the last.
        "accept-encoding": "identity",
    }
    if key is not None and deployment.options.get("key_header") == "x-api-key":
        headers["x-api-key"] = key
    elif key is not None:
        headers["authorization"] = f"Bearer {key}"
    if ask is not None and ask.endpoint == "messages":
        headers["anthropic-version"] = ANTHROPIC_VERSION
    return headers


async def _error_of(response: HTTPResponse) -> bytes:
    """Return what a refusal says, in however many pieces; its status says enough.

    A body that breaks off, is never ended or cannot be unpacked is no other failure
    than the one that its status tells.
    """
    said = b""
    try:
        async with asyncio.timeout(ERROR_SECONDS):
            while len(said) < MAX_ERROR and (piece := await response.read()):
                said += piece
    except (BrokenAnswer, TimeoutError):
        pass
    finally:
        response.close()
    return said[:MAX_ERROR]


async def _bounded(response: HTTPResponse) -> bytes:
    """Return the whole body, or raise for one that cannot be an answer."""
    parts = []
    size = 0
    try:
        while part := await response.read():
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                raise UpstreamFailed(502, was_run=True)
    except BrokenAnswer as error:
        raise UpstreamFailed(502, was_run=True) from error
    finally:
        # Read to its end, the connection was given back already; else it is closed.
        response.close()
    return b"".join(parts)


def _answer_in(body: bytes, status: int) -> dict[str, Any]:
    """Return what the body of an answer says. Raises ``UpstreamFailed``.

    What was executed is not bought again; only an error that used nothing is.
    """
    try:
        value = loads(body)
    except Unreadable as error:
        raise UpstreamFailed(status, body=body[:MAX_ERROR], was_run=True) from error
    if not isinstance(value, dict):
        raise UpstreamFailed(status, body=body[:MAX_ERROR], was_run=True)
    if value.get("error") or value.get("object") == "error":
        raise UpstreamFailed(
            status, body=body[:MAX_ERROR], was_run=bool(value.get("usage"))
        )
    return value


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
