"""Refusing at once what a process has no room for, and never what must not be lost.

Who waits behind two hundred others has left before it is their turn, and takes a thread
and a connection with them. What Stripe and GitHub send is kept by them and comes again
later than anybody wants; who cannot sign in cannot look what is wrong. Both pass.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from django.conf import settings
from prometheus_client import Counter

App = Callable[[Any, Any, Any], Awaitable[None]]
SHED = Counter(
    "doorstone_shed", "Requests that a full process refused at once.", ["part"]
)
# Webhooks, signing in with what its pages need, and what supervisors ask.
SPARED = ("/hooks/", "/accounts/", "/static/", "/assets/", "/healthz", "/readyz")
# By then half of a full process has been answered: a page takes a tenth of a second.
RETRY_AFTER_SECONDS = 2
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width">'
    "<title>Busy</title><h1>Too many requests at once</h1>"
    "<p>Nothing was changed. Please try again in a few seconds.</p>"
    '<p lang="zh-Hans">目前请求过多，没有做任何更改。请几秒后再试。</p></html>'
).encode()
_WORDS = orjson.dumps(
    {
        "detail": "Too many requests at once. Please try again in a few seconds.",
        "code": "overloaded",
    }
)


class BoundedApplication:
    """Passes on so many requests at once, and refuses the others with 503."""

    def __init__(self, application: App, *, most: int | None = None) -> None:
        self.application = application
        self.most = settings.WEB_REQUESTS_AT_ONCE if most is None else most
        self.running = 0

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Any, send: Any
    ) -> None:
        if scope["type"] != "http" or scope["path"].startswith(SPARED):
            await self.application(scope, receive, send)
            return
        if self.most and self.running >= self.most:
            SHED.labels("pages").inc()
            await _refuse(scope["path"], send)
            return
        self.running += 1
        try:
            await self.application(scope, receive, send)
        finally:
            self.running -= 1


async def _refuse(path: str, send: Any) -> None:
    is_api = path.startswith("/api/")
    body = _WORDS if is_api else _PAGE
    kind = b"application/json" if is_api else b"text/html; charset=utf-8"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", b"default-src 'none'"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
