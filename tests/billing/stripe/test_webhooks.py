"""What comes through the webhook's door, and what does not."""

import json
import threading
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from billing.stripe.models import WebhookInbox
from jobs.models import Job
from tests.factories.billing import SECRET, event_body, signature

URL = "/hooks/stripe/"


@pytest.fixture(autouse=True)
def _secrets(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_old", SECRET]
    settings.STRIPE_SECRET_KEY = "sk_test_x"


def deliver(body: bytes, header: str | bytes | None = None) -> int:
    sent: Any = signature(body) if header is None else header
    return (
        Client()
        .post(
            URL,
            data=body,
            content_type="application/json",
            headers={"Stripe-Signature": sent},
        )
        .status_code
    )


@pytest.mark.django_db
def test_a_signed_event_is_kept_as_it_was_signed() -> None:
    body = event_body("product.created", {"object": "product", "id": "prod_1"})

    assert deliver(body) == 200

    row = WebhookInbox.objects.get()
    assert row.payload == body.decode()
    assert (row.type, row.object_kind, row.object_id) == (
        "product.created",
        "product",
        "prod_1",
    )
    assert row.deliveries == 1
    assert Job.objects.about("webhook", row.pk).get().state == "waiting"


@pytest.mark.django_db
def test_a_repeat_is_counted_not_stored() -> None:
    body = event_body("product.created", {"object": "product", "id": "prod_1"})

    assert [deliver(body) for _ in range(3)] == [200, 200, 200]

    assert WebhookInbox.objects.get().deliveries == 3


@pytest.mark.django_db
def test_either_secret_is_good_while_one_is_replaced() -> None:
    body = event_body("product.created", {"object": "product", "id": "prod_1"})
    other = event_body("product.created", {"object": "product", "id": "prod_2"})

    assert deliver(body, signature(body, secret="whsec_old")) == 200
    assert deliver(other, signature(other, secret=SECRET)) == 200
    assert WebhookInbox.objects.count() == 2


BODY = event_body("product.created", {"object": "product", "id": "prod_1"})


def bad_deliveries() -> dict[str, tuple[bytes, str | bytes]]:
    """Return what must be refused, signed at this moment."""
    return {
        "no signature": (BODY, ""),
        "another secret": (BODY, signature(BODY, secret="whsec_other")),
        "one byte changed": (BODY.replace(b"prod_1", b"prod_2"), signature(BODY)),
        "too old": (BODY, signature(BODY, at=int(time.time()) - 400)),
        "from the future": (BODY, signature(BODY, at=int(time.time()) + 400)),
        "a year ahead": (BODY, signature(BODY, at=int(time.time()) + 31_536_000)),
        "not UTF-8": (b"\xff\xfe{", signature(b"\xff\xfe{")),
        "not JSON": (b"{", signature(b"{")),
        "a list": (b"[]", signature(b"[]")),
        "a number": (b"1", signature(b"1")),
        "an empty object": (b"{}", signature(b"{}")),
        "non-ASCII signature": (BODY, f"t={int(time.time())},v1=é".encode("latin-1")),
        "no timestamp": (BODY, "v1=abc"),
        "nonsense timestamp": (BODY, "t=abc,v1=abc"),
        "a thin event": (
            b'{"object": "v2.core.event", "id": "evt_1"}',
            signature(b'{"object": "v2.core.event", "id": "evt_1"}'),
        ),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("name", bad_deliveries())
def test_anything_else_is_refused_and_leaves_nothing(name: str) -> None:
    body, header = bad_deliveries()[name]

    assert deliver(body, header) == 400
    assert WebhookInbox.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"id": "evt_\x00"},
        {"id": 7},
        {"id": ""},
        {"id": "x" * 200},
        {"created": "soon"},
        {"created": 10**20},
        {"created": 10**18},
        {"data": {"object": []}},
        {"data": None},
        {"type": None},
    ],
)
def test_a_malformed_event_is_refused_even_when_signed(fields: dict[str, Any]) -> None:
    body = event_body("product.created", {"object": "product", "id": "p"}, **fields)

    assert deliver(body) == 400
    assert WebhookInbox.objects.count() == 0


@pytest.mark.django_db
def test_odd_text_inside_an_event_is_no_reason_to_fail() -> None:
    about = {"object": "product", "id": "prod_1", "name": "nul \x00 and \u0301"}
    body = event_body("product.created", about)

    assert deliver(body) == 200
    assert WebhookInbox.objects.get().payload == body.decode()


@pytest.mark.django_db
def test_a_body_above_one_megabyte_is_refused() -> None:
    body = json.dumps({"filler": "x" * 1_048_577}).encode()

    assert deliver(body) == 413
    assert deliver(b"x" * 3_000_000) == 413
    assert WebhookInbox.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_only_post_is_spoken_here(method: str) -> None:
    assert getattr(Client(), method)(URL).status_code == 405


@pytest.mark.django_db
def test_no_token_is_asked_for() -> None:
    response = Client(enforce_csrf_checks=True).post(
        URL,
        data=BODY,
        content_type="application/json",
        headers={"Stripe-Signature": signature(BODY)},
    )

    assert response.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_fifty_deliveries_at_once_are_one_event() -> None:
    body = event_body("product.created", {"object": "product", "id": "prod_1"})
    barrier = threading.Barrier(10)
    answers: list[int] = []

    def send() -> None:
        barrier.wait()
        try:
            answers.extend(deliver(body) for _ in range(5))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 50
    assert WebhookInbox.objects.get().deliveries == 50
