"""The playground without scripts, against a real gateway."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation
from core.crypto import decrypt
from inference.keys import secrets
from inference.keys.models import ApiKey
from inference.playground.services import SESSION_KEY
from tests.factories.inference import offered_model
from tests.fakes.upstream import Upstream
from tests.forms import send
from tests.inference.gateway.conftest import Gateway

FORM = {"model": "plain", "prompt": "Say hello.", "system": "Be brief."}


@pytest.fixture
def connected(gateway: Gateway, settings: Any) -> Gateway:
    """Let the page find the gateway under the site's address."""
    settings.SITE_URL = gateway.url.removesuffix("/v1")
    return gateway


@pytest.mark.django_db
def test_a_visitor_sees_models_and_code(client: Client) -> None:
    offered_model("tiny")
    offered_model("grand")

    html = client.get("/playground/?model=grand").content.decode()

    assert '<option value="grand" selected>' in html
    assert "chat/completions" in html
    assert ApiKey.objects.count() == 0


@pytest.mark.django_db
def test_a_visitor_is_asked_to_sign_in_and_finds_the_text_again(
    client: Client, person: Callable[..., Any]
) -> None:
    offered_model("plain")

    response = send(client, "/playground/", "prompt", **FORM)

    assert response.status_code == 200
    assert "Sign in to send it" in response.content.decode()
    assert "Say hello." in response.content.decode()
    client.force_login(person("ada"))
    html = client.get("/playground/").content.decode()
    assert "Say hello." in html
    assert "Be brief." in html


@pytest.mark.django_db
def test_wrong_input_keeps_the_text(client: Client, person: Callable[..., Any]) -> None:
    offered_model("plain")
    client.force_login(person("ada"))

    response = client.post(
        "/playground/", FORM | {"temperature": "9", "conversation": "{"}
    )

    assert response.status_code == 422
    assert "Say hello." in response.content.decode()
    assert ApiKey.objects.count() == 0


def test_an_answer_is_rendered_and_priced_and_the_conversation_goes_on(
    connected: Gateway,
    upstream: Upstream,
    offer: Any,
    client: Client,
    person: Callable[..., Any],
) -> None:
    offer(upstream, "plain")
    client.force_login(person("ada"))

    response = client.post("/playground/", FORM)

    html = response.content.decode()
    assert response.status_code == 200
    assert "Hello there!" in html
    assert "9 tokens in, 3 out" in html
    # 9 at $1 and 3 at $2 per million.
    assert "$0.000015" in html
    assert [m["role"] for m in upstream.requests[-1]["payload"]["messages"]] == [
        "system",
        "user",
    ]
    turns = response.context["form"]["conversation"].value()
    client.post("/playground/", FORM | {"conversation": turns, "prompt": "Again."})
    assert [m["content"] for m in upstream.requests[-1]["payload"]["messages"]] == [
        "Be brief.",
        "Say hello.",
        "Hello there!",
        "Again.",
    ]
    # One key for the session, however many calls.
    assert ApiKey.objects.get().kind == ApiKey.Kind.PLAYGROUND


def test_a_premium_model_is_refused_in_the_gateways_words(
    connected: Gateway,
    upstream: Upstream,
    offer: Any,
    client: Client,
    person: Callable[..., Any],
) -> None:
    offer(upstream, "plain", edition="premium")
    client.force_login(person("ada"))

    response = client.post("/playground/", FORM)

    html = response.content.decode()
    assert response.status_code == 403
    assert "is a premium model that your plan does not include" in html
    assert "See the plans" in html
    assert "Say hello." in html
    assert upstream.requests == []


@pytest.mark.django_db
def test_an_unreachable_gateway_is_said_in_plain_words(
    client: Client, person: Callable[..., Any], settings: Any
) -> None:
    settings.SITE_URL = "http://127.0.0.1:9"
    offered_model("plain")
    client.force_login(person("ada"))

    response = client.post("/playground/", FORM)

    assert response.status_code == 502
    assert "The gateway could not be reached." in response.content.decode()
    assert "Say hello." in response.content.decode()


@pytest.mark.django_db
def test_the_key_is_kept_encrypted_and_used_again(
    client: Client, person: Callable[..., Any]
) -> None:
    client.force_login(person("ada"))

    first = client.post("/playground/key/", {"organisation": "ada"})
    second = client.post("/playground/key/", {"organisation": "ada"})

    secret = first.json()["secret"]
    assert second.json()["secret"] == secret
    assert "no-store" in first["Cache-Control"]
    kept = dict(client.session.items())
    assert secret not in json.dumps(kept)
    (held,) = kept[SESSION_KEY].values()
    assert decrypt(held["secret"]) == secret
    assert ApiKey.objects.get().digest == secrets.digest(secret)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["expires_at", "revoked_at"])
def test_a_key_that_ended_is_renewed(
    field: str, client: Client, person: Callable[..., Any]
) -> None:
    client.force_login(person("ada"))
    first = client.post("/playground/key/", {"organisation": "ada"}).json()
    ApiKey.objects.update(**{field: timezone.now() + timedelta(minutes=1)})

    second = client.post("/playground/key/", {"organisation": "ada"}).json()

    assert second["secret"] != first["secret"]
    assert ApiKey.objects.count() == 2


@pytest.mark.django_db
def test_a_key_is_only_for_organisations_one_may_call_for(
    client: Client, person: Callable[..., Any]
) -> None:
    team = create_organisation("Northwind", owner=person("erin"))
    bill = person("bill")
    add_member(team, user=bill, role=Membership.Role.BILLING)
    path, form = "/playground/key/", {"organisation": "northwind"}

    assert client.post(path, form).status_code == 302
    client.force_login(person("mallory"))
    assert client.post(path, form).status_code == 404
    client.force_login(bill)
    assert client.post(path, form).status_code == 404
    assert client.get(path).status_code == 405
    assert ApiKey.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 30])
def test_the_page_costs_the_same_queries_however_many_models(
    count: int,
    client: Client,
    person: Callable[..., Any],
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(count):
        offered_model(f"m{number}")
    ada = person("ada")
    assert personal_organisation(ada)
    client.force_login(ada)
    client.get("/playground/")

    with django_assert_max_num_queries(10):
        client.get("/playground/")
