"""``python -m stripe_emulator``: serve the emulator until told to stop."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys

from granian.constants import Interfaces
from granian.server.embed import Server

from stripe_emulator.emulator import Emulator
from stripe_emulator.server import application
from stripe_emulator.settings import Settings


async def serve(settings: Settings) -> None:
    """Run the server, the courier and the sweep until SIGINT or SIGTERM."""
    emulator = Emulator(settings)
    server = Server(
        application(emulator),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for received in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(received, server.stop)
    background = asyncio.create_task(emulator.run())
    try:
        await server.serve()
    finally:
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await background


def main() -> int:
    """Check what can be checked before serving."""
    logging.basicConfig(format="stripe-emulator %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = Settings.read(sys.argv[1:])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            print(
                f"The Stripe emulator cannot listen on {settings.host}:{settings.port} "
                f"(STRIPE_EMULATOR_PORT): {error.strerror}.",
                file=sys.stderr,
            )
            return 1
    if sys.stdout.isatty():
        print(f"Stripe emulator: {settings.base_url}/_emulator/", flush=True)
    asyncio.run(serve(settings))
    sys.stdout.flush()
    sys.stderr.flush()
    # The server's threads may still be winding down, and aborting is what they do when
    # the interpreter ends under them. Everything is written: leave them no interpreter.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
