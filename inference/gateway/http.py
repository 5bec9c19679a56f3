"""Reading requests and writing answers of the gateway, as ASGI messages."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from inference.gateway import errors
from inference.gateway.errors import GatewayError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 20_000_000
BODY_SECONDS = 30


async def wait_until_gone(receive: Receive) -> None:
    """Return when the caller has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the whole JSON body. Raises ``GatewayError``: 400, 408, 413 or 415."""
    if header(scope, b"content-encoding") not in {b"", b"identity"}:
        raise errors.unsupported_media_type(
            "Compressed request bodies are not accepted."
        )
    kind = header(scope, b"content-type").partition(b";")[0].strip().lower()
    if kind not in {b"", b"application/json"} and not kind.endswith(b"+json"):
        raise errors.unsupported_media_type(
            "The body has to be JSON, sent as `Content-Type: application/json`."
        )
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise errors.too_large(MAX_BODY)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return _small_enough(message.get("body", b""))
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_parts(message, receive)
    except TimeoutError as error:
        raise errors.body_timeout() from error


async def _read_parts(message: MutableMapping[str, Any], receive: Receive) -> bytes:
    parts = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise errors.bad_request("The request body was not sent completely.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise errors.too_large(MAX_BODY)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _small_enough(body: bytes) -> bytes:
    if len(body) > MAX_BODY:
        raise errors.too_large(MAX_BODY)
    return body


def require_method(method: str, allowed: str) -> None:
    """Refuse every other method with 405; what answers GET answers HEAD."""
    if method == allowed or (method == "HEAD" and allowed == "GET"):
        return
    raise GatewayError(
        405,
        f"Not allowed to {method} here; use {allowed}.",
        code="method_not_allowed",
        headers={"allow": allowed},
    )


def header(scope: Scope, name: bytes) -> bytes:
    """Return a header of the request by its lower-case name, or nothing."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def address_of(scope: Scope) -> str:
    """Return the address the outermost trusted proxy saw."""
    trusted = settings.TRUSTED_PROXIES
    if trusted:
        hops = header(scope, b"x-forwarded-for").decode("latin-1").split(",")
        if len(hops) >= trusted:
            return hops[-trusted].strip()
    client = scope.get("client")
    return str(client[0]) if client else ""


def encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI wants them."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def client_id(scope: Scope) -> str:
    """Return the caller's own name for the request, where it is a harmless one."""
    value = header(scope, b"x-client-request-id").decode("latin-1")
    return value if len(value) <= 64 and value.isascii() and value.isprintable() else ""


async def send_error(
    send: Send, error: GatewayError, extra: list[tuple[bytes, bytes]]
) -> None:
    """Answer with an error in OpenAI's shape."""
    await send_json(send, error.status, error.body(), [*extra, *encoded(error.headers)])


async def send_json(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    """Answer with JSON that is written already."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
