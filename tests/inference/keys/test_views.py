"""Keys in the console: who sees them, and that a secret is shown once."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member
from inference.keys import secrets
from inference.keys.models import ApiKey
from inference.keys.services import create_playground_key, record_use
from tests.factories.inference import key_of, offered_model
from tests.forms import confirm
from tests.signing_in import age_sign_in

pytestmark = pytest.mark.django_db


def shown_secrets(response: Any) -> set[str]:
    return set(re.findall(r"ds_live_[0-9A-Za-z]{49}", response.content.decode()))


def test_a_stranger_is_told_the_page_does_not_exist(
    team: Any, person: Callable[..., Any], signed_in: Any
) -> None:
    browser = signed_in(person("mallory"))

    assert browser.get("/console/northwind/keys/").status_code == 404
    assert browser.post("/console/northwind/keys/create/").status_code == 404
    assert ApiKey.objects.count() == 0


def test_a_visitor_is_sent_to_sign_in(team: Any, client: Client) -> None:
    response = client.get("/console/northwind/keys/")

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_billing_member_may_neither_see_nor_make_nor_end_keys(
    team: Any, person: Callable[..., Any], signed_in: Any
) -> None:
    bill = person("bill")
    add_member(team, user=bill, role=Membership.Role.BILLING)
    key = key_of(team, bill)
    browser = signed_in(bill)
    base = "/console/northwind/keys/"

    assert browser.get(base).status_code == 403
    assert browser.post(f"{base}create/", {"name": "x"}).status_code == 403
    assert browser.post(f"{base}{key.public_id}/revoke/").status_code == 403
    assert browser.post(f"{base}{key.public_id}/rotate/").status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None
    assert ApiKey.objects.count() == 1


def test_a_secret_is_shown_once_and_not_stored(
    person: Callable[..., Any], signed_in: Any
) -> None:
    offered_model("tiny")
    ada = person("ada")
    browser = signed_in(ada)
    form = {
        "name": "Website",
        "expires_on": "2999-12-31",
        "monthly_limit": "12.50",
        "allowed_models": ["tiny"],
        "submission": "once",
    }

    made = browser.post("/console/ada/keys/create/", form)
    response = browser.get(made["Location"])

    (secret,) = shown_secrets(response)
    key = ApiKey.objects.get()
    assert key.organisation == personal_organisation(ada)
    assert key.digest == secrets.digest(secret)
    assert (key.name, key.allowed_models) == ("Website", ["tiny"])
    assert key.monthly_limit_nano == 12_500_000_000
    assert f"{key.expires_at:%Y-%m-%d %H:%M}" == "2999-12-31 23:59"
    assert "DOORSTONE_API_KEY" in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    stored = " ".join(map(str, ApiKey.objects.values_list().get()))
    assert secret not in stored
    assert secret not in str(browser.session.items())
    again = browser.get("/console/ada/keys/")
    assert shown_secrets(again) == set()
    assert f"{secret[:12]}…{secret[-4:]}" in again.content.decode()


def test_a_form_sent_twice_makes_one_key(
    person: Callable[..., Any], signed_in: Any
) -> None:
    browser = signed_in(person("ada"))
    form = {"name": "Website", "submission": "f00d"}
    browser.post("/console/ada/keys/create/", form)

    response = browser.post("/console/ada/keys/create/", form)

    assert response.status_code == 302
    assert ApiKey.objects.count() == 1


def test_wrong_input_keeps_what_was_typed(
    person: Callable[..., Any], signed_in: Any
) -> None:
    browser = signed_in(person("ada"))
    form = {
        "name": "Night batch",
        "expires_on": "2001-01-01",
        "monthly_limit": "-3",
        "allowed_models": ["no-such-model"],
    }

    response = browser.post("/console/ada/keys/create/", form)

    assert response.status_code == 422
    html = response.content.decode()
    assert 'value="Night batch"' in html
    assert 'value="2001-01-01"' in html
    assert 'value="-3"' in html
    assert ApiKey.objects.count() == 0


def test_rotating_makes_a_successor_and_leaves_the_old_key_a_day(
    person: Callable[..., Any], signed_in: Any
) -> None:
    ada = person("ada")
    key = key_of(personal_organisation(ada), ada, name="Website")
    browser = signed_in(ada)

    response = browser.post(f"/console/ada/keys/{key.public_id}/rotate/", follow=True)

    (secret,) = shown_secrets(response)
    successor = ApiKey.objects.get(digest=secrets.digest(secret))
    key.refresh_from_db()
    assert (successor.name, successor.expires_at) == ("Website", None)
    assert key.expires_at is not None
    left = key.expires_at - timezone.now()
    assert timedelta(hours=23) < left <= timedelta(days=1)


def test_rotating_does_not_lengthen_a_key_that_ends_today(
    person: Callable[..., Any], signed_in: Any
) -> None:
    ada = person("ada")
    soon = timezone.now() + timedelta(hours=1)
    key = key_of(personal_organisation(ada), ada, expires_at=soon)

    signed_in(ada).post(f"/console/ada/keys/{key.public_id}/rotate/")

    key.refresh_from_db()
    assert key.expires_at == soon


def test_a_revoked_key_stays_listed_and_cannot_be_rotated(
    person: Callable[..., Any], signed_in: Any
) -> None:
    ada = person("ada")
    key = key_of(personal_organisation(ada), ada, name="Website")
    browser = signed_in(ada)

    response = browser.post(f"/console/ada/keys/{key.public_id}/revoke/", follow=True)

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "Revoked" in response.content.decode()
    refused = browser.post(f"/console/ada/keys/{key.public_id}/rotate/")
    assert refused.status_code == 404
    assert ApiKey.objects.count() == 1


def test_a_key_is_made_by_itself_once_an_old_sign_in_is_confirmed(
    person: Callable[..., Any], signed_in: Any
) -> None:
    browser = signed_in(person("ada"))
    age_sign_in(browser, minutes=5.1)
    form = {"name": "Website", "submission": "once"}

    asked = browser.post("/console/ada/keys/create/", form)
    made_early = ApiKey.objects.count()
    done = confirm(browser, asked)

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert made_early == 0
    assert done.status_code == 302
    shown = browser.get(done["Location"])
    (secret,) = shown_secrets(shown)
    assert "no-store" in shown["Cache-Control"]
    assert ApiKey.objects.get().digest == secrets.digest(secret)


@pytest.mark.parametrize("change", ["rotate", "revoke"])
def test_an_old_sign_in_changes_no_key_before_it_is_confirmed(
    change: str, person: Callable[..., Any], signed_in: Any
) -> None:
    ada = person("ada")
    key = key_of(personal_organisation(ada), ada, name="Website")
    browser = signed_in(ada)
    age_sign_in(browser, minutes=5.1)

    asked = browser.post(f"/console/ada/keys/{key.public_id}/{change}/")
    key.refresh_from_db()
    untouched = (key.revoked_at, key.expires_at, ApiKey.objects.count())
    confirm(browser, asked)

    key.refresh_from_db()
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert untouched == (None, None, 1)
    assert (key.revoked_at or key.expires_at) is not None


def test_a_form_sent_after_the_session_ended_leads_back_to_the_keys(
    person: Callable[..., Any], client: Client
) -> None:
    person("ada")

    answer = client.post(
        "/console/ada/keys/create/",
        {"name": "Website"},
        headers={"Referer": "http://testserver/console/ada/keys/"},
    )

    assert answer["Location"] == "/accounts/login/?next=/console/ada/keys/"
    assert ApiKey.objects.count() == 0


def test_another_organisations_key_cannot_be_revoked(
    team: Any, person: Callable[..., Any], signed_in: Any
) -> None:
    key = key_of(team, person("ben"))

    response = signed_in(person("ada")).post(
        f"/console/ada/keys/{key.public_id}/revoke/"
    )

    key.refresh_from_db()
    assert response.status_code == 404
    assert key.revoked_at is None


def test_playground_keys_are_not_listed(
    person: Callable[..., Any], signed_in: Any
) -> None:
    ada = person("ada")
    key, _secret = create_playground_key(personal_organisation(ada), by=ada)

    html = signed_in(ada).get("/console/ada/keys/").content.decode()

    assert key.last4 not in re.findall(r"…(\w{4})", html)
    assert "No key yet" in html


def test_the_last_day_of_use_only_moves_forward(person: Callable[..., Any]) -> None:
    ada = person("ada")
    key = key_of(personal_organisation(ada), ada)
    today = timezone.now().date()

    record_use([key.pk], on=today)
    record_use([key.pk], on=today - timedelta(days=3))

    key.refresh_from_db()
    assert key.last_used_on == today


@pytest.mark.parametrize("count", [1, 30])
def test_the_list_costs_the_same_queries_however_long(
    count: int,
    person: Callable[..., Any],
    signed_in: Any,
    django_assert_num_queries: Any,
) -> None:
    ada = person("ada")
    offered_model("tiny")
    for _ in range(count):
        key_of(personal_organisation(ada), ada)
    browser = signed_in(ada)

    browser.get("/console/ada/keys/")

    with django_assert_num_queries(9):
        browser.get("/console/ada/keys/")


def test_the_page_of_a_new_key_opens_again_in_any_language_for_some_minutes(
    person: Callable[..., Any], signed_in: Any
) -> None:
    browser = signed_in(person("ada"))
    page = browser.post("/console/ada/keys/create/", {"name": "Website"})["Location"]
    (secret,) = shown_secrets(browser.get(page))

    browser.post("/language/", {"language": "zh-hans", "next": page})

    assert shown_secrets(browser.get(page)) == {secret}
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        answer = browser.get(page)
    assert answer["Location"] == "/console/ada/keys/"


def test_the_secret_is_gone_once_its_copy_is_confirmed(
    person: Callable[..., Any], signed_in: Any
) -> None:
    browser = signed_in(person("ada"))
    page = browser.post("/console/ada/keys/create/", {"name": "Website"})["Location"]

    browser.post(page)

    assert browser.get(page).status_code == 302


def test_nobody_else_and_no_other_session_sees_the_secret(
    team: Any, person: Callable[..., Any], signed_in: Any
) -> None:
    ben = person("ben")
    add_member(team, user=ben, role=Membership.Role.ADMIN)
    erin = signed_in(team.memberships.get(role="owner").user)
    page = erin.post("/console/northwind/keys/create/", {"name": "Site"})["Location"]
    held = shown_secrets(erin.get(page))

    colleague, elsewhere = Client(), Client()
    colleague.force_login(ben)
    elsewhere.force_login(team.memberships.get(role="owner").user)

    assert len(held) == 1
    assert colleague.get(page).status_code == 302
    assert elsewhere.get(page).status_code == 302
