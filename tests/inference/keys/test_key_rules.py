"""Keys with rules and projects: kept, and refused beside their field."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.services import create_organisation
from audit.models import Record
from inference.keys.models import ApiKey, Project
from tests.factories.inference import key_of

pytestmark = pytest.mark.django_db


RULES = {
    "name": "website",
    "kind": "service",
    "scopes": ["inference"],
    "networks": "10.1.2.3\n192.168.7.9/24\n\n10.1.2.3",
    "origins": "https://App.example:443/, http://localhost:3000",
    "hidden_data": ["email", "card"],
    "requests_per_minute": "30",
    "tokens_per_minute": "9000",
    "concurrent_requests": "2",
    "monthly_limit": "5.50",
}


def test_a_key_is_made_with_rules_and_keeps_them_when_it_is_rotated(
    team: Any, person: Callable[..., Any], signed_in: Any
) -> None:
    browser = signed_in(team.memberships.get().user)
    browser.post("/console/northwind/projects/", {"name": "Site"})
    project = Project.objects.get()

    made = browser.post(
        "/console/northwind/keys/create/", {**RULES, "project": project.public_id}
    )
    assert made.status_code == 302
    key = ApiKey.objects.get()
    browser.post(f"/console/northwind/keys/{key.public_id}/rotate/")

    for each in ApiKey.objects.all():
        assert each.kind == "service"
        assert each.created_by is None
        assert each.project == project
        assert each.scopes == ["inference"]
        assert each.networks == ["10.1.2.3/32", "192.168.7.0/24"]
        assert each.origins == ["https://app.example", "http://localhost:3000"]
        assert each.hidden_data == ["email", "card"]
        assert (each.requests_per_minute, each.tokens_per_minute) == (30, 9000)
        assert (each.concurrent_requests, each.monthly_limit_nano) == (2, 5_500_000_000)
    assert ApiKey.objects.count() == 2
    page = browser.get("/console/northwind/keys/").content.decode()
    assert "service account" in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("networks", "10.0.0.300"),
        ("networks", "somewhere"),
        ("origins", "https://app.example/path"),
        ("origins", "app.example"),
        ("origins", "https://app.example:x"),
        ("scopes", "everything"),
        ("hidden_data", "names"),
        ("requests_per_minute", "0"),
        ("concurrent_requests", "-1"),
        ("tokens_per_minute", "99999999999"),
    ],
)
def test_a_rule_that_says_nothing_is_refused_beside_its_field(
    team: Any, signed_in: Any, field: str, value: str
) -> None:
    browser = signed_in(team.memberships.get().user)

    answer = browser.post(
        "/console/northwind/keys/create/", {"name": "x", field: value}
    )

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert "<details" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_key_is_edited_without_a_new_secret(team: Any, signed_in: Any) -> None:
    erin = team.memberships.get().user
    moment = timezone.now() + timedelta(days=3)
    key = key_of(team, erin, expires_at=moment, allowed_models=["gone"])
    browser = signed_in(erin)
    url = f"/console/northwind/keys/{key.public_id}/edit/"
    form = browser.get(url).context["form"]
    sent = {name: form[name].value() for name in form.fields if form[name].value()}
    shown = form["expires_on"].value()

    answer = browser.post(
        url, {**sent, "expires_on": f"{shown:%Y-%m-%d}", "requests_per_minute": "5"}
    )

    assert answer.status_code == 302
    before = key.digest
    key.refresh_from_db()
    assert (key.digest, key.requests_per_minute) == (before, 5)
    # What was not touched is as it was, to the microsecond.
    assert key.expires_at == moment
    assert key.allowed_models == ["gone"]
    record = Record.objects.filter(action="key.changed").get()
    assert (record.before, record.after) == ({}, {"requests_per_minute": 5})


def test_a_project_is_named_once_and_given_a_budget(team: Any, signed_in: Any) -> None:
    browser = signed_in(team.memberships.get().user)
    base = "/console/northwind/projects/"
    browser.post(base, {"name": "Site", "monthly_limit": "10"})
    project = Project.objects.get()

    twice = browser.post(base, {"name": "Site"})
    browser.post(f"{base}{project.public_id}/", {"name": "Shop", "monthly_limit": "20"})

    assert twice.status_code == 422
    project.refresh_from_db()
    assert (project.name, project.monthly_limit_nano) == ("Shop", 20_000_000_000)
    assert "$20.00" in browser.get(base).content.decode()


def test_a_project_of_another_is_not_to_be_had(
    team: Any, person: Callable[..., Any], signed_in: Any
) -> None:
    other = create_organisation("Elsewhere", owner=person("mallory"))
    theirs = Project.objects.create(organisation=other, name="Theirs")
    browser = signed_in(team.memberships.get().user)

    answer = browser.post(
        "/console/northwind/keys/create/", {"name": "x", "project": theirs.public_id}
    )

    browser.post("/console/northwind/projects/", {"name": "Mine"})
    refused = browser.post(
        "/console/northwind/keys/create/", {"name": "y", "project": theirs.public_id}
    )
    assert answer.status_code == 302
    assert ApiKey.objects.get().project is None
    assert refused.status_code == 422
    url = f"/console/northwind/projects/{theirs.public_id}/"
    assert browser.get(url).status_code == 404
