"""Reading requests and writing answers of the gateway, as ASGI messages."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from inference.gateway import errors
from inference.gateway.errors import GatewayError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def wait_until_gone(receive: Receive) -> None:
    """Return when the caller has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def require_json(scope: Scope) -> None:
    """Refuse bodies that are compressed, or are not JSON, with 415."""
    if header(scope, b"content-encoding") not in {b"", b"identity"}:
        raise errors.unsupported_media_type(
            "Compressed request bodies are not accepted."
        )
    kind = header(scope, b"content-type").partition(b";")[0].strip().lower()
    if kind not in {b"", b"application/json"} and not kind.endswith(b"+json"):
        raise errors.unsupported_media_type(
            "The body has to be JSON, sent as `Content-Type: application/json`."
        )


def declared_length(scope: Scope) -> int:
    """Return how many bytes the caller says the body has; 0 where nothing is said."""
    declared = header(scope, b"content-length")
    # Of ASCII digits alone: `bytes` knows no others, unlike `str`.
    return int(declared) if declared.isdigit() and len(declared) < 19 else 0


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
