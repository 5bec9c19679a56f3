"""Staff see circuits, act by hand, and ask where a call would go."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.queries import personal_organisation
from core.errors import Unavailable
from inference.catalog.models import Deployment, DeploymentPause
from inference.keys.services import revoke_key
from tests.factories.inference import key_of, offered_model, used
from tests.inference.operating.test_queries import noted

pytestmark = pytest.mark.django_db
HEALTH, WHAT_IF = "/staff/circuits/", "/staff/circuits/what-if/"


@pytest.fixture
def staff(client: Client, person: Callable[..., Any]) -> Client:
    client.force_login(person("staff", is_staff=True))
    return client


@pytest.fixture
def place() -> Deployment:
    return offered_model("tiny").deployments.get()


def address(place: Deployment, name: str) -> str:
    return reverse(f"operating:{name}", args=[place.pk])


def test_it_says_what_is_called_where_nothing_is_wrong(
    staff: Client, place: Deployment
) -> None:
    page = staff.get(HEALTH)

    assert "None: every deployment in use is called." in page.content.decode()
    assert [line.place for line in page.context["others"]] == [place]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "4 of 6 requests failed within half a minute"),
        ({"why": "unreachable"}, "Nothing answers at its address."),
        ({"why": "refused"}, "It refuses our key."),
        ({"why": "limited"}, "It asked to be let alone"),
    ],
)
def test_each_evidence_has_its_sentence(
    staff: Client, place: Deployment, fields: dict[str, Any], said: str
) -> None:
    noted(place, **fields)

    page = staff.get(HEALTH)

    assert said in page.content.decode()
    assert page.context["others"] == []


def test_a_pause_wants_a_reason_and_keeps_what_was_typed(
    staff: Client, place: Deployment
) -> None:
    refused = staff.post(address(place, "pause"), {"reason": ""})
    too_long = staff.post(address(place, "pause"), {"reason": "x" * 301})

    assert refused.status_code == too_long.status_code == 422
    assert "x" * 301 in too_long.content.decode()
    assert not DeploymentPause.objects.exists()


def test_a_deployment_is_paused_and_resumed(staff: Client, place: Deployment) -> None:
    answer = staff.post(address(place, "pause"), {"reason": "Driver"}, follow=True)
    assert "Driver" in answer.content.decode()
    assert answer.context["lines"][0].state == "paused"

    again = staff.post(address(place, "pause"), {"reason": "Other"})
    assert again.status_code == 422
    assert "It is paused already" in again.content.decode()

    staff.post(address(place, "resume"))
    assert not DeploymentPause.objects.exists()
    answer = staff.post(address(place, "resume"), follow=True)
    assert "It was not paused." in answer.content.decode()


def test_a_circuit_is_closed_with_a_reason(staff: Client, place: Deployment) -> None:
    noted(place)
    assert staff.post(address(place, "close"), {}).status_code == 422
    assert staff.get(HEALTH).context["lines"]

    answer = staff.post(address(place, "close"), {"reason": "Mended"}, follow=True)

    assert answer.context["lines"] == []


def test_poisonous_requests_lead_to_the_calls(
    staff: Client, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    organisation = personal_organisation(ada)
    key = key_of(organisation, ada, name="night")
    for _ in range(5):
        used(organisation, key, status="upstream_error", upstream_status=500)

    page = staff.get(HEALTH)

    (found,) = page.context["poisons"]
    assert "5 of 5" in page.content.decode()
    listed = staff.get(
        "/staff/requests/",
        {
            "range": "1d",
            "status": "failed",
            "organisation": found.organisation_slug,
            "model": found.model,
            "key": found.key_id,
        },
    )
    assert len(listed.context["page"].items) == 5


def test_without_redis_the_page_says_what_it_does_not_know(
    staff: Client, place: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_ids: Any) -> None:
        raise Unavailable

    monkeypatch.setattr("inference.operating.queries.read_notes", away)

    page = staff.get(HEALTH)

    assert page.status_code == 200
    assert "cannot be read right now" in page.content.decode()


def asked(key: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "tiny", "key": key.public_id, "prompt": 100, **fields}


def test_the_simulator_shows_an_empty_form_first(staff: Client) -> None:
    page = staff.get(WHAT_IF)

    assert page.status_code == 200
    assert not page.context["form"].is_bound


def test_it_shows_where_a_call_would_go(
    staff: Client, place: Deployment, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    key = key_of(personal_organisation(ada), ada, name="night")

    page = staff.get(WHAT_IF, asked(key, answer=50))

    result = page.context["result"]
    (step,) = result.steps
    assert [(each.place.pk, each.turn) for each in step.places] == [(place.pk, 1)]
    # 100 tokens and 6 around them at $1, and 50 at $2 per million.
    assert result.hold_nano == 206_000
    assert "try 1" in page.content.decode()


@pytest.mark.parametrize("said", ["nothing", "key_unknown"])
def test_a_key_that_is_not_there_is_told_beside_its_field(
    staff: Client, place: Deployment, said: str
) -> None:
    page = staff.get(WHAT_IF, {"model": "tiny", "key": said, "prompt": "1"})

    assert page.status_code == 422
    assert page.context["form"].errors["key"] == ["There is no such API key."]


def test_a_key_is_found_by_how_it_begins_and_a_revoked_one_opens_nothing(
    staff: Client, place: Deployment, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    key = key_of(personal_organisation(ada), ada)
    found = staff.get(WHAT_IF, asked(key) | {"key": f"{key.prefix}…"})
    assert found.context["key"] == key

    revoke_key(key, by=ada)
    page = staff.get(WHAT_IF, asked(key))

    assert page.status_code == 422
    assert "result" not in page.context
    assert "opens nothing" in page.content.decode()


def test_a_refusal_is_told_as_the_caller_would_read_it(
    staff: Client, place: Deployment, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    key = key_of(personal_organisation(ada), ada)

    page = staff.get(WHAT_IF, asked(key, model="unknown"))

    assert page.context["result"].refusal.code == "model_not_found"
    assert "model_not_found" in page.content.decode()


@pytest.mark.parametrize(("where", "said"), [(HEALTH, "熔断"), (WHAT_IF, "假如")])
def test_the_pages_speak_chinese(staff: Client, where: str, said: str) -> None:
    page = staff.get(where, headers={"Accept-Language": "zh-Hans"})

    assert said in page.content.decode()
