"""The gateway's ASGI application, beside Django's."""

from collections.abc import Awaitable, Callable
from typing import Any

App = Callable[[Any, Any, Any], Awaitable[None]]


def gateway(django_application: App) -> App:
    """Return an application that answers ``/v1`` itself and passes on the rest."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await django_application(scope, receive, send)

    return application
