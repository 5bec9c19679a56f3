"""Refusing at once what a process has no room for, and never what must not be lost.

Who waits behind two hundred others has left before it is their turn, and takes a thread
and a connection with them. What Stripe and GitHub send is kept by them and comes again
later than anybody wants; who cannot sign in cannot look what is wrong. Both pass.

A request takes its room once its body is here: a body that comes a byte a minute costs
nothing but its socket, so it must not keep anybody out.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from prometheus_client import Counter

from edge.bodies import IncomingBody, declared_length

App = Callable[[Any, Any, Any], Awaitable[None]]
SHED = Counter(
    "doorstone_shed", "Requests that a full process refused at once.", ["part"]
)
# Webhooks, signing in with what its pages need, and what supervisors ask.
SPARED = ("/hooks/", "/accounts/", "/static/", "/assets/", "/healthz", "/readyz")
# By then half of a full process has been answered: a page takes a tenth of a second.
RETRY_AFTER_SECONDS = 2
_PROGRAMS = ("/api/", "/hooks/")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said, before Django is asked, to people and to programs."""

    code: str
    title: str
    chinese: str
    advice: str = ""

    def page(self) -> bytes:
        """Return a page in both languages: nobody has looked yet who reads it."""
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{self.title}</title><h1>{self.title}</h1>"
            f"<p>Nothing was changed. {self.advice}</p>"
            f'<p lang="zh-Hans">{self.chinese}</p></html>'
        ).encode()

    def words(self) -> bytes:
        """Return the same in the REST API's shape."""
        detail = f"{self.title}. {self.advice}".strip()
        return orjson.dumps({"detail": detail, "code": self.code})


REFUSALS = {
    408: Refusal(
        *("request_timeout", "The request did not arrive in time"),
        "请求未能及时送达，没有做任何更改。请检查网络后再试。",
        "Please check your connection and try again.",
    ),
    413: Refusal(
        *("too_large", "The request is too large"),
        "请求过大，没有做任何更改。请发送较少的内容。",
        "Please send less at once.",
    ),
    503: Refusal(
        *("overloaded", "Too many requests at once"),
        "目前请求过多，没有做任何更改。请几秒后再试。",
        "Please try again in a few seconds.",
    ),
}


class BoundedApplication:
    """Passes on so many requests at once, and refuses the others with 503."""

    def __init__(self, application: App, *, most: int | None = None) -> None:
        self.application = application
        self.most = settings.WEB_REQUESTS_AT_ONCE if most is None else most
        self.running = 0

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Any, send: Any
    ) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        is_spared = scope["path"].startswith(SPARED)
        if not is_spared and self._is_full():
            await _refuse(503, scope["path"], send)
            return
        has_room = False

        def enter() -> int:
            """Take room for a request that is here; 503 where there is none now."""
            nonlocal has_room
            if is_spared:
                return 0
            if self._is_full():
                return 503
            self.running += 1
            has_room = True
            return 0

        body = IncomingBody(receive, declared=declared_length(scope), on_arrival=enter)
        try:
            await self.application(scope, body.receive, send)
        finally:
            self.running -= has_room
        if body.refusal:
            await _refuse(body.refusal, scope["path"], send)

    def _is_full(self) -> bool:
        return bool(self.most) and self.running >= self.most


async def _refuse(status: int, path: str, send: Any) -> None:
    is_program = path.startswith(_PROGRAMS)
    refusal = REFUSALS[status]
    body = refusal.words() if is_program else refusal.page()
    kind = b"application/json" if is_program else b"text/html; charset=utf-8"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", b"default-src 'none'"),
    ]
    if status == 503:
        SHED.labels("pages").inc()
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
