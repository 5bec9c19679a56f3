"""What is sent away when something breaks holds nobody's words, keys or addresses."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from django.db import IntegrityError
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from accounts.models import User
from config.sentry import options, without_words

CANARY = "canary-in-a-coal-mine"
ADDRESS = "canary-in-a-coal-mine@example.test"


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[str] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.envelopes.append(envelope.serialize().decode())


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Send with our own options, to nobody."""
    transport = Kept()
    client = sentry_sdk.Client(
        **options("http://key@127.0.0.1/1"),
        transport=transport,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration()],
    )
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        yield transport
    client.close()


def break_down(prompt: str) -> None:
    """Fail with somebody's words in the frame."""
    key = prompt
    raise RuntimeError(f"no answer for {len(key)} characters\n{key}")


def test_an_exception_is_sent_with_its_place_and_without_its_variables(
    kept: Kept,
) -> None:
    with pytest.raises(RuntimeError) as caught:
        break_down(CANARY)

    sentry_sdk.capture_exception(caught.value)

    (sent,) = kept.envelopes
    assert "RuntimeError" in sent
    assert "break_down" in sent
    assert "no answer for 21 characters" in sent
    assert CANARY not in sent


@pytest.mark.django_db
def test_a_row_that_was_refused_is_not_sent(kept: Kept) -> None:
    User.objects.create(email=ADDRESS, username="ada")

    with pytest.raises(IntegrityError) as caught:
        User.objects.create(email=ADDRESS, username="ben")
    assert ADDRESS in str(caught.value)
    sentry_sdk.capture_exception(caught.value)

    (sent,) = kept.envelopes
    assert "duplicate key value violates unique constraint" in sent
    assert CANARY not in sent


def test_a_log_line_is_sent_by_its_name(kept: Kept) -> None:
    logging.getLogger("canary").error(
        "call.failed %s", CANARY, extra={"request_id": "req_1", "error": CANARY}
    )

    (sent,) = kept.envelopes
    assert "call.failed" in sent
    assert "req_1" in sent
    assert CANARY not in sent


def test_of_a_request_its_method_is_sent() -> None:
    event = {
        "request": {
            "method": "POST",
            "url": f"https://a.test/invitations/{CANARY}/",
            "query_string": f"q={CANARY}",
            "data": {"text": CANARY},
            "headers": {"Authorization": f"Bearer {CANARY}", "Cookie": CANARY},
        },
        "user": {"id": CANARY},
        "transaction": "/invitations/{token}/",
    }

    sent = without_words(event, {})

    assert sent["request"] == {"method": "POST"}
    assert sent["transaction"] == "/invitations/{token}/"
    assert CANARY not in str(sent)
