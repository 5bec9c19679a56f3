"""What calls say is kept for who chose it, beside the call and never in its way."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from core.crypto import decrypt
from inference.transcripts import services
from inference.transcripts.models import Transcript
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer, recorded

Make = Callable[..., Customer]


def kept(count: int) -> list[Transcript]:
    """Return what is kept, once it is so many."""
    deadline = time.monotonic() + 10
    while Transcript.objects.count() < count and time.monotonic() < deadline:
        time.sleep(0.05)
    rows = list(Transcript.objects.order_by("created_at"))
    assert len(rows) == count
    return rows


@pytest.fixture
def ada(customer: Make) -> Customer:
    """Somebody whose organisation chose to have transcripts kept."""
    ada = customer()
    services.set_choice(ada.organisation, days=7, by=ada.user)
    return ada


def test_a_whole_answer_is_kept_under_the_id_of_its_call(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    answer = ada.post(json={"model": "plain", "messages": HELLO})

    row = kept(1)[0]
    assert row.pk == answer.headers["x-request-id"] == recorded()[0].request_id
    assert decrypt(row.sealed_answer) == answer.text
    assert "Say hello." in decrypt(row.sealed_request)
    assert not row.is_answer_cut


def test_a_stream_is_kept_as_it_was_sent(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    answer = ada.post(json={"model": "plain", "messages": HELLO, "stream": True})

    assert decrypt(kept(1)[0].sealed_answer) == answer.text


def test_what_failed_is_kept_with_what_the_caller_was_told(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "status-500")

    answer = ada.post(json={"model": "status-500", "messages": HELLO})

    assert answer.status_code >= 500
    assert decrypt(kept(1)[0].sealed_answer) == answer.text


def test_the_rest_of_a_long_request_is_said_to_be_missing(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", context_tokens=2_000_000)
    long = [{"role": "user", "content": "word " * 250_000}]

    assert ada.post(json={"model": "plain", "messages": long}).status_code == 200

    row = kept(1)[0]
    assert row.is_request_cut
    assert not row.is_answer_cut
    assert len(decrypt(row.sealed_request)) == 1_000_000


def test_neither_a_refused_call_nor_a_stranger_s_is_kept(
    ada: Customer, customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    bo = customer("bo")

    assert bo.post(json={"model": "plain", "messages": HELLO}).status_code == 200
    assert ada.post(json={"model": "none", "messages": HELLO}).status_code == 404
    assert ada.post(json={"model": "plain", "messages": HELLO}).status_code == 200

    assert kept(1)[0].organisation_id == ada.organisation.pk


def test_turning_it_off_is_heard_of_at_once(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada.post(json={"model": "plain", "messages": HELLO})
    kept(1)

    services.withdraw_choice(ada.organisation, by=ada.user)
    ada.post(json={"model": "plain", "messages": HELLO})

    recorded(2)
    time.sleep(1)  # four times as long as the gateway waits for more
    assert not Transcript.objects.exists()
