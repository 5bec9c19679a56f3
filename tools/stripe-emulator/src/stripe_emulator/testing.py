"""For the tests of a shop: an emulator of its own on a free loopback port.

``from stripe_emulator.testing import stripe_emulator, stripe_emulator_process`` in a
``conftest.py`` gives the fixture ``stripe_emulator``. Needs pytest.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

# Where this package was imported from, installed or not: the process imports it too.
SOURCE = Path(__file__).resolve().parents[1]
KEY = "sk_test_emulator"
# It takes less than one; a machine that is busy with other tests takes its time.
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class StripeEmulator:
    """A running emulator and the things tests ask of it."""

    url: str
    key: str
    process: "subprocess.Popen[bytes]"

    def client(self, **options: Any) -> stripe.StripeClient:
        """The unmodified SDK, pointed here for all four of its addresses."""
        options = {"max_network_retries": 0, **options}
        return stripe.StripeClient(
            self.key,
            base_addresses={
                "api": self.url,
                "files": self.url,
                "connect": self.url,
                "meter_events": self.url,
            },
            http_client=stripe.RequestsClient(timeout=10),
            **options,
        )

    def register_webhook(self, url: str, secret: str) -> str:
        """Have every event sent to ``url``; returns the endpoint's id."""
        return str(self._control("endpoints", {"url": url, "secret": secret})["id"])

    def post_faults(self, **faults: Any) -> None:
        """Switch on ``answers`` and ``deliveries`` faults; no argument heals all."""
        self._control("faults", faults)

    def advance(self, *, days: float) -> None:
        """Move the account's own time forward, with all that happens on the way."""
        self._control("clock", {"days": days})

    def redeliver(self, event: str) -> None:
        """Send one event again to every endpoint."""
        self._control("redeliver", {"event": event})

    def rotate_secret(self, endpoint: str) -> str:
        """Sign with a new secret besides the old one; returns the new one."""
        return str(self._control("rotate", {"endpoint": endpoint})["secret"])

    def reset(self) -> None:
        """Forget every object, event and fault."""
        self._control("reset", {})

    def pay_checkout(
        self,
        session_url: str,
        card: str = "success",
        *,
        email: str = "buyer@example.test",
        authenticate: bool = True,
    ) -> httpx.Response:
        """Fill in and send the hosted page as a browser without JavaScript would.

        ``card`` is success, declined, authenticate or a typed test number. A paid
        session answers 303 with the shop's success page as ``location``.
        """
        named = card in {"success", "declined", "authenticate"}
        form = {
            "email": email,
            "name": "Test Buyer",
            "card": card if named else "number",
            "number": "" if named else card,
        }
        response = httpx.post(session_url, data=form, timeout=10)
        if response.headers.get("location", "").endswith("/authenticate"):
            answer = "complete" if authenticate else "fail"
            bank = f"{session_url}/authenticate"
            return httpx.post(bank, data={"answer": answer}, timeout=10)
        return response

    def portal_post(self, portal_url: str, action: str, **form: str) -> httpx.Response:
        """Send one of the portal's forms, ``cancel/sub_…`` for example."""
        return httpx.post(f"{portal_url}/{action}", data=form, timeout=10)

    def _control(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        response = httpx.post(f"{self.url}/_emulator/{name}", json=values, timeout=30)
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_emulator(
    folder: Path, *, key: str = KEY, **environment: str
) -> Iterator[StripeEmulator]:
    """Start an emulator that keeps its state in ``folder``; stop it in the end.

    ``environment`` holds further variables. Raises ``RuntimeError`` when it does not
    start.
    """
    port = free_port()
    path = [str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    process = subprocess.Popen(
        [sys.executable, "-m", "stripe_emulator"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "STRIPE_EMULATOR_HOST": "127.0.0.1",
            "STRIPE_EMULATOR_PORT": str(port),
            "STRIPE_EMULATOR_KEY": key,
            "STRIPE_EMULATOR_DATA": str(folder / "state.sqlite3"),
            **environment,
        },
        cwd=folder,
    )
    emulator = StripeEmulator(f"http://127.0.0.1:{port}", key, process)
    try:
        _wait_until_ready(emulator)
        yield emulator
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(emulator: StripeEmulator) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if emulator.process.poll() is not None:
            raise RuntimeError("The Stripe emulator did not start.")
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"{emulator.url}/healthz", timeout=2).raise_for_status()
            return
        time.sleep(0.05)
    raise RuntimeError("The Stripe emulator was not ready in time.")


@pytest.fixture(scope="session")
def stripe_emulator_process(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StripeEmulator]:
    """One emulator per test process, shared by all its tests."""
    stripe.enable_telemetry = False
    with running_emulator(tmp_path_factory.mktemp("stripe-emulator")) as emulator:
        yield emulator


@pytest.fixture
def stripe_emulator(stripe_emulator_process: StripeEmulator) -> StripeEmulator:
    """The emulator with nothing in it."""
    stripe_emulator_process.reset()
    return stripe_emulator_process
