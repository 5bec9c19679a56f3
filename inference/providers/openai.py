"""Any server that speaks OpenAI's protocol: vLLM, SGLang, Ollama, OpenAI …"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
from yarl import URL

from core.crypto import decrypt
from inference.catalog.models import Deployment
from inference.providers.base import Answer, Ask, Stream, StreamBroke, UpstreamFailed

# Trying again makes sense: nothing was executed, or another server may answer.
RETRYABLE = {429, 500, 502, 503, 529}
MAX_ANSWER = 64_000_000
# A server that is there accepts within one round trip; a name and TLS take some more.
# How long it may think is its deployment's own (first_byte_timeout).
TCP_SECONDS = 1.0
CONNECT_SECONDS = 3.0


class OpenAIProvider:
    """Passes requests on. Addresses come from staff, never from callers."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._credentials: dict[int, tuple[str, str]] = {}
        self._addresses: dict[tuple[str, str], URL] = {}

    async def complete(self, deployment: Deployment, ask: Ask) -> Answer:
        """Return the whole answer. Raises ``UpstreamFailed``."""
        try:
            async with asyncio.timeout(deployment.first_byte_timeout):
                response = await self._post(deployment, ask)
                body = await _bounded(response)
        except TimeoutError as error:
            raise UpstreamFailed(0, is_retryable=False, is_timeout=True) from error
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise UpstreamFailed(502, is_retryable=True) from error
        if not isinstance(value, dict) or value.get("error"):
            raise UpstreamFailed(502, is_retryable=True, body=body)
        usage = value.get("usage")
        if value.get("model") != ask.model:
            value["model"] = ask.model
            body = orjson.dumps(value)
        return Answer(body, usage if isinstance(usage, dict) else None)

    async def stream(self, deployment: Deployment, ask: Ask) -> Stream:
        """Begin a stream. Raises ``UpstreamFailed``."""
        try:
            async with asyncio.timeout(deployment.first_byte_timeout):
                response = await self._post(deployment, ask)
        except TimeoutError as error:
            raise UpstreamFailed(0, is_retryable=False, is_timeout=True) from error
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            body = await response.content.read(100_000)
            response.close()
            raise UpstreamFailed(502, is_retryable=True, body=body)
        return Stream(self._pieces(response), response.close)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _post(self, deployment: Deployment, ask: Ask) -> aiohttp.ClientResponse:
        payload = dict(ask.payload)
        payload["model"] = deployment.upstream_model or ask.model
        if ask.is_stream:
            # Always asked for, hidden again from callers who did not ask.
            options = payload.get("stream_options") or {}
            payload["stream_options"] = {**options, "include_usage": True}
        try:
            response = await self._send(deployment, ask, orjson.dumps(payload))
        except (aiohttp.ClientConnectionError, OSError) as error:
            # Refused, or reset before a byte of the answer.
            raise UpstreamFailed(0, is_retryable=True) from error
        except aiohttp.ClientError as error:
            raise UpstreamFailed(502, is_retryable=False) from error
        if response.status == 200:
            return response
        body = await response.content.read(100_000)
        retry_after = response.headers.get("retry-after", "")
        response.release()
        raise UpstreamFailed(
            response.status,
            is_retryable=response.status in RETRYABLE,
            body=body,
            retry_after=retry_after,
        )

    async def _send(
        self, deployment: Deployment, ask: Ask, body: bytes
    ) -> aiohttp.ClientResponse:
        """Post a body; a kept connection that had just ended is no failure."""
        for is_last in (False, True):
            try:
                return await self._client().post(
                    self._address(deployment.base_url, ask.endpoint),
                    data=body,
                    headers=self._headers(deployment),
                    allow_redirects=False,
                )
            except aiohttp.ServerDisconnectedError:
                if is_last:
                    raise
        raise AssertionError

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Yield what arrives; how long to wait for it is the gateway's affair."""
        try:
            while piece := await response.content.readany():
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise StreamBroke from error
        finally:
            response.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=CONNECT_SECONDS, sock_connect=TCP_SECONDS
                ),
                trust_env=False,
                skip_auto_headers=("user-agent",),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=2**16,
            )
        return self._session

    def _address(self, base_url: str, endpoint: str) -> URL:
        address = self._addresses.get((base_url, endpoint))
        if address is None:
            address = URL(f"{base_url.rstrip('/')}/{endpoint}")
            self._addresses[base_url, endpoint] = address
        return address

    def _headers(self, deployment: Deployment) -> dict[str, Any]:
        headers = {
            "content-type": "application/json",
            "accept": "*/*",
            # Compressed, the first token could wait for the last.
            "accept-encoding": "identity",
        }
        if deployment.credential:
            known = self._credentials.get(deployment.pk)
            if known is None or known[0] != deployment.credential:
                known = (deployment.credential, decrypt(deployment.credential))
                self._credentials[deployment.pk] = known
            headers["authorization"] = f"Bearer {known[1]}"
        return headers


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body, or raise for one that cannot be an answer."""
    parts = []
    size = 0
    try:
        while part := await response.content.readany():
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                raise UpstreamFailed(502, is_retryable=False)
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamFailed(502, is_retryable=False) from error
    finally:
        # Read to its end, the connection was given back already; else it is closed.
        response.close()
    return b"".join(parts)
