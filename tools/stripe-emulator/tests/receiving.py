"""A webhook endpoint that checks signatures with the SDK and keeps what came."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

SECRET = "whsec_test"


@dataclass
class Receiver:
    """What arrived at a webhook endpoint, verified with the SDK."""

    url: str = ""
    events: list[Any] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def wait_for(self, check: Callable[[list[Any]], bool], seconds: float = 10) -> None:
        """Wait until the received events fit, or fail."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if check(self.events):
                return
            time.sleep(0.02)
        raise AssertionError([event.type for event in self.events])


@contextmanager
def listening(found: Receiver, port: int = 0) -> Iterator[None]:
    """Let ``found`` answer at a loopback port while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            signature = self.headers["stripe-signature"]
            event = stripe.Webhook.construct_event(body, signature, SECRET)
            found.events.append(event)
            found.signatures.append(signature)
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hooks/stripe/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
