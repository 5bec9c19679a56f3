"""Every type of event is heard or let go for a reason; an unknown one is named so."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe
from django.test import Client

from billing.stripe import registry, services
from billing.stripe.events import HEARD, LET_GO, UNKNOWN, reason_to_let_go
from billing.stripe.webhooks import parse_event
from embedded.stack import EMULATOR
from jobs.models import Job
from jobs.working import sweep
from tests.factories.billing import event_body

TYPE = re.compile(r'"([a-z0-9_]+(?:\.[a-z0-9_]+)+)"')


def sdk_types() -> set[str]:
    """Return every type of event the installed SDK knows."""
    return set(TYPE.findall((Path(stripe.__file__).parent / "_event.py").read_text()))


def emulated_types() -> set[str]:
    """Return every type the emulator announces by its whole name."""
    sources = EMULATOR.rglob("*.py")
    text = "\n".join(path.read_text() for path in sources)
    return set(re.findall(r'emit(?:_update)?\(\s*"([a-z_.]+)"', text))


def test_every_type_the_sdk_knows_is_heard_or_let_go_for_a_reason() -> None:
    known = sdk_types()

    assert len(known) > 200
    assert {name for name in known if reason_to_let_go(name) == UNKNOWN} == set()
    assert known >= set(HEARD)
    assert all(any(name.startswith(start) for name in known) for start in LET_GO)


def test_every_type_the_emulator_sends_is_in_the_table() -> None:
    sent = emulated_types()

    assert "charge.dispute.created" in sent
    assert {name for name in sent if reason_to_let_go(name) == UNKNOWN} == set()


def test_what_is_heard_has_a_listener_and_every_listener_is_heard() -> None:
    assert set(HEARD.values()) == set(registry._refreshers)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("payout.paid", "not ours to book"),
        ("made.up_tomorrow", "of a type this version does not know"),
    ],
)
def test_staff_read_why_an_event_was_let_go(
    person: Callable[..., Any], settings: Any, kind: str, said: str
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    body = event_body(kind, {"object": "invoice", "id": "in_1"})
    services.receive_event(parse_event(json.loads(body), body=body.decode()))
    sweep("webhook")
    row = Job.objects.get(kind="webhook")
    client = Client()
    client.force_login(person("staff", is_staff=True))

    page = client.get(f"/staff/operations/jobs/{row.pk}/").content.decode()

    assert row.state == "ignored"
    assert said in row.last_error
    assert said in page
