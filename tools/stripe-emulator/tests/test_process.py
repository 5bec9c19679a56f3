"""The emulator from outside: how it begins, refuses to begin, and ends."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import stripe

from stripe_emulator.testing import SOURCE, free_port, running_emulator


def start(folder: Path, *arguments: str, **told: str) -> "subprocess.Popen[str]":
    """Start one process with nothing but what is told."""
    return subprocess.Popen(
        [sys.executable, "-m", "stripe_emulator", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), **told},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(address: str) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(address, timeout=2)
        except httpx.HTTPError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_by_its_defaults_and_ends_when_told(
    tmp_path: Path, ending: signal.Signals
) -> None:
    port = free_port()
    process = start(tmp_path, "--port", str(port))

    answer = wait_for(f"http://127.0.0.1:{port}/healthz")
    process.send_signal(ending)
    said, complained = process.communicate(timeout=60)

    assert (answer.status_code, answer.text) == (200, "ok")
    assert (process.returncode, said, complained) == (0, "", "")
    assert (tmp_path / "stripe-emulator.sqlite3").exists()


def test_a_killed_process_loses_nothing_it_has_answered(tmp_path: Path) -> None:
    stripe.enable_telemetry = False
    with running_emulator(tmp_path) as first:
        made = first.client().v1.customers.create({"name": "Ada"})
        first.process.kill()
        first.process.wait()
    with running_emulator(tmp_path) as second:
        found = second.client().v1.customers.retrieve(made.id)

    assert found.name == "Ada"


def test_a_real_key_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    process = start(tmp_path, STRIPE_EMULATOR_KEY="sk_live_51x")

    said, complained = process.communicate(timeout=60)

    assert (process.returncode, said) == (2, "")
    assert complained == "STRIPE_EMULATOR_KEY must begin with sk_test_.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = start(tmp_path, "--port", str(port))
        _, complained = process.communicate(timeout=60)

    assert process.returncode == 1
    assert complained.startswith(
        f"The Stripe emulator cannot listen on 127.0.0.1:{port} (STRIPE_EMULATOR_PORT)"
    )
    assert "Traceback" not in complained
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_its_state_is_made(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "down" / "state.sqlite3"

    with running_emulator(tmp_path, STRIPE_EMULATOR_DATA=str(place)):
        pass

    with sqlite3.connect(place) as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    assert {"documents", "deliveries", "replays", "notes"} <= tables


def test_its_key_is_the_only_one(tmp_path: Path) -> None:
    stripe.enable_telemetry = False
    with running_emulator(tmp_path, key="sk_test_one") as emulator:
        assert emulator.client().v1.customers.list().data == []
        for header in ("", "Bearer sk_test_two", "Basic !!!", "Digest sk_test_one"):
            answer = httpx.get(
                f"{emulator.url}/v1/customers", headers={"Authorization": header}
            )
            expected = 200 if header.startswith("Digest") else 401
            assert answer.status_code == expected, header
        basic = httpx.get(f"{emulator.url}/v1/customers", auth=("sk_test_one", ""))

    assert basic.status_code == 200


def test_pages_link_to_the_public_address(tmp_path: Path) -> None:
    stripe.enable_telemetry = False
    public = "https://pay.shop.test/"
    with running_emulator(tmp_path, STRIPE_EMULATOR_PUBLIC_URL=public) as emulator:
        v1 = emulator.client().v1
        customer = v1.customers.create({"name": "Ada"})
        session = v1.billing_portal.sessions.create({"customer": customer.id})

    assert session.url.startswith("https://pay.shop.test/p/session/test_")


def test_two_of_them_share_nothing(tmp_path: Path) -> None:
    stripe.enable_telemetry = False
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        running_emulator(tmp_path / "one") as one,
        running_emulator(tmp_path / "two") as two,
    ):
        one.client().v1.customers.create({"name": "Ada"})

        assert len(one.client().v1.customers.list().data) == 1
        assert two.client().v1.customers.list().data == []


def test_an_endpoint_named_twice_is_registered_once_with_the_newer_secret(
    tmp_path: Path,
) -> None:
    stripe.enable_telemetry = False
    url = f"http://127.0.0.1:{free_port()}/hooks/"
    for secret in ("whsec_a", "whsec_b"):
        told = {
            "STRIPE_EMULATOR_WEBHOOK_URL": url,
            "STRIPE_EMULATOR_WEBHOOK_SECRET": secret,
        }
        with running_emulator(tmp_path, **told) as emulator:
            (endpoint,) = emulator.client().v1.webhook_endpoints.list().data

    with sqlite3.connect(tmp_path / "state.sqlite3") as database:
        (body,) = database.execute(
            "SELECT body FROM documents WHERE kind = 'webhook_endpoint'"
        ).fetchone()
    database.close()
    assert (endpoint.url, endpoint.enabled_events) == (url, ["*"])
    assert '"_secrets": ["whsec_b"]' in body
