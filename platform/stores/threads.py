"""The database, asked from an event loop."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a database function off the event loop."""

    def run() -> Any:
        close_old_connections()
        try:
            return function(*arguments)
        finally:
            close_old_connections()

    return await sync_to_async(run, thread_sensitive=False)()
