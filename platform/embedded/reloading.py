"""``make dev``: what is edited shows, at the latest two seconds later.

A template is read anew for each page, so it shows at once. Python has to start again:
this process listens, keeps what never changes in memory and forks a worker that loads
the product in a second; granian watches the files. Worker and beat follow when the
page a developer waits for is served.
"""

import argparse
import gc
import importlib
import logging
import multiprocessing
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from watchfiles import PythonFilter, watch

from embedded.supervisor import Service, Supervisor

# What starts again says so itself.
logging.getLogger("watchfiles").setLevel(logging.WARNING)

ROOT = Path(__file__).resolve().parents[2]
WATCHED = [ROOT / name for name in ("platform", "community", "inference", "billing")]
# Half of the time a start takes goes into these. None of them reads the settings: what
# did would hold the product as it was when this process began.
LOADED_ONCE = (
    *("aiohttp", "celery.app.amqp", "celery.app.base", "cryptography.fernet"),
    *("django.contrib.postgres.fields", "django.core.handlers.asgi", "django.forms"),
    *("django.db.backends.postgresql.base", "jsonschema", "kombu.transport.redis"),
    *("markdown_it", "nh3", "orjson", "psycopg_pool", "pygments.lexers"),
    *("redis.asyncio", "snowballstemmer", "stripe"),
)
# Seconds until what runs in the background starts again: a page takes less than that.
PAGES_FIRST = 2

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Edits(PythonFilter):
    """What a running process does not read again: Python and compiled sentences."""

    def __init__(self) -> None:
        super().__init__(extra_extensions=(".mo",))


def load(target: str) -> Any:
    """Return the application, or one that says why there is none."""
    module, _colon, name = target.partition(":")
    # What is loaded stays, so there is nothing to collect until the end.
    gc.disable()
    try:
        application = getattr(importlib.import_module(module), name)
        # Django loads the views with the first request, too late to say so here.
        importlib.import_module("config.urls")
    except Exception:  # noqa: BLE001 - half an edit may raise anything
        return Broken(traceback.format_exc())
    else:
        return application
    finally:
        gc.enable()


class Broken:
    """Answers every request with the reason why the product cannot be loaded."""

    def __init__(self, reason: str) -> None:
        print(reason, file=sys.stderr, flush=True)
        self.text = f"The product cannot be loaded.\n\n{reason}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for moment in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{moment}.complete"})
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": self.text.encode()})


def follow(supervisor: Supervisor, services: Sequence[Service]) -> None:
    """Restart services after each edit, until the supervisor stops."""

    def restart_each() -> None:
        edits = watch(
            *WATCHED,
            watch_filter=Edits(),
            stop_event=supervisor.stopping,
            raise_interrupt=False,
        )
        for _files in edits:
            supervisor.stopping.wait(PAGES_FIRST)
            for service in services:
                supervisor.restart(service)

    threading.Thread(target=restart_each, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    # Compiling the same files again at each start would take longer than all else.
    sys.dont_write_bytecode = False
    for name in LOADED_ONCE:
        importlib.import_module(name)
    gc.freeze()
    if sys.platform == "linux":
        # What was loaded is there in the worker only if that is a copy of this process.
        multiprocessing.set_start_method("fork")
    Granian(
        "config.asgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        backpressure=1024,
        log_level=LogLevels.warning,
        # An open stream must not hold the next version back.
        workers_kill_timeout=1,
        reload=True,
        reload_paths=WATCHED,
        reload_filter=Edits,
        reload_ignore_worker_failure=True,
    ).serve(target_loader=load)


if __name__ == "__main__":
    main()
