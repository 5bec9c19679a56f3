"""Keys over REST: who may, what is refused, and that the secret is told once."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation
from inference.keys import secrets
from inference.keys.models import ApiKey
from tests.factories.inference import key_of, offered_model
from tests.signing_in import age_sign_in, browser_of

pytestmark = pytest.mark.django_db
PATH = "/api/v1/organisations/ada/keys/"


@pytest.fixture
def ada(person: Callable[..., Any]) -> Any:
    return person("ada")


@pytest.fixture
def api(ada: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(ada)
    return client


def test_a_key_is_made_listed_and_revoked(api: APIClient) -> None:
    offered_model("tiny")

    made = api.post(PATH, {"name": "CI", "allowed_models": ["tiny"]})

    assert made.status_code == 201
    key = ApiKey.objects.get()
    assert key.digest == secrets.digest(made.json()["secret"])
    (listed,) = api.get(PATH).json()["results"]
    assert listed["id"] == key.public_id
    assert "secret" not in listed
    assert api.delete(f"{PATH}{key.public_id}/").status_code == 204
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_session_makes_and_ends_keys_only_after_a_recent_sign_in(ada: Any) -> None:
    """As on their page: a forgotten screen must not give a key away."""
    key = key_of(personal_organisation(ada), ada)
    browser = browser_of(ada)
    made = browser.post(PATH, {"name": "CI"}, "application/json")
    age_sign_in(browser, minutes=6)

    refused = browser.post(PATH, {"name": "CI"}, "application/json")
    kept = browser.delete(f"{PATH}{key.public_id}/")

    assert made.status_code == 201
    assert (refused.status_code, kept.status_code) == (403, 403)
    assert refused.json()["code"] == "recent_sign_in_required"
    assert browser.get(PATH).status_code == 200
    assert ApiKey.objects.count() == 2
    key.refresh_from_db()
    assert key.revoked_at is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": "x", "allowed_models": ["nothing"]}, "allowed_models"),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "monthly_limit_nano": -1}, "monthly_limit_nano"),
    ],
)
def test_wrong_fields_are_named_and_make_nothing(
    body: dict[str, Any], field: str, api: APIClient
) -> None:
    response = api.post(PATH, body)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid"
    assert field in response.json()["errors"]
    assert ApiKey.objects.count() == 0


def test_strangers_find_nothing_and_a_billing_member_is_refused(
    api: APIClient, ada: Any, person: Callable[..., Any]
) -> None:
    erin = person("erin")
    team = create_organisation("Northwind", owner=erin)
    key = key_of(team, erin)
    path = "/api/v1/organisations/northwind/keys/"

    assert APIClient().get(path).status_code == 401
    assert api.get(path).status_code == 404
    assert api.delete(f"{path}{key.public_id}/").status_code == 404
    add_member(team, user=ada, role=Membership.Role.BILLING)
    assert api.get(path).status_code == 403
    assert api.post(path, {"name": "x"}).status_code == 403
    assert ApiKey.objects.get().revoked_at is None


def test_a_key_of_another_organisation_is_not_found(
    api: APIClient, person: Callable[..., Any]
) -> None:
    ben = person("ben")
    key = key_of(personal_organisation(ben), ben)

    assert api.delete(f"{PATH}{key.public_id}/").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None
