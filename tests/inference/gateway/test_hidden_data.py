"""A key may have personal data hidden from models, on every road."""

from collections.abc import Callable
from typing import Any

import pytest

from core.crypto import decrypt
from inference.transcripts import services as transcripts
from inference.transcripts.models import Transcript
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer
from tests.inference.gateway.test_transcripts import kept

Make = Callable[..., Customer]
SAID = "Write to ada@example.org or call +1-202-555-0143."
SEEN = "Write to [EMAIL_1] or call [PHONE_1]."


@pytest.fixture
def ada(customer: Make) -> Customer:
    return customer(hidden_data=["email", "phone"])


def seen(upstream: Upstream) -> Any:
    return upstream.requests[-1]["payload"]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/chat/completions", {"messages": [{"role": "user", "content": SAID}]}),
        (
            "/messages",
            {"max_tokens": 50, "messages": [{"role": "user", "content": SAID}]},
        ),
        ("/responses", {"input": SAID}),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_the_model_is_not_shown_it(
    ada: Customer,
    offer: Any,
    upstream: Upstream,
    path: str,
    fields: dict[str, Any],
    *,
    is_stream: bool,
) -> None:
    offer(upstream, "plain")

    answer = ada.post(path, json={"model": "plain", "stream": is_stream, **fields})

    assert answer.status_code == 200
    assert seen(upstream) == SEEN
    assert answer.headers["x-hidden-data"] == "email=1, phone=1"


def test_neither_is_the_transcript(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    transcripts.set_choice(ada.organisation, days=1, by=ada.user)

    message = {"role": "user", "content": SAID}
    ada.post(json={"model": "plain", "messages": [message]})

    kept(1)
    assert SEEN in decrypt(Transcript.objects.get().sealed_request)


def test_nothing_is_said_of_what_was_not_there(
    ada: Customer, customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    bo = customer("bo")

    answer = ada.post(json={"model": "plain", "messages": HELLO})
    assert "x-hidden-data" not in answer.headers

    message = {"role": "user", "content": SAID}
    answer = bo.post(json={"model": "plain", "messages": [message]})
    assert seen(upstream) == SAID
    assert "x-hidden-data" not in answer.headers


def test_a_long_body_is_searched_as_well(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", context_tokens=2_000_000)
    message = {"role": "user", "content": "word " * 120_000 + SAID}

    answer = ada.post(json={"model": "plain", "messages": [message]})

    assert answer.status_code == 200
    assert seen(upstream).endswith(SEEN)
