"""A member's own link and whom it brought, over REST."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.tokens import create_token
from billing.referrals.models import Referral, ReferralLink
from tests.factories.referrals import referral_of
from tests.races import together

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
LIST, LINK = "/api/v1/referrals/", "/api/v1/referrals/link/"


def bearer(user: Any, *scopes: str) -> dict[str, str]:
    _token, secret = create_token(user, name="CI", scopes=["read", *scopes])
    return {"Authorization": f"Bearer {secret}"}


def test_a_member_makes_their_link_once(client: Client, person: Person) -> None:
    ada = bearer(person("ada"), "referrals:write")

    before = client.get(LINK, headers=ada)
    made = client.put(LINK, headers=ada)
    again = client.put(LINK, headers=ada)

    link = ReferralLink.objects.get()
    assert before.status_code == 404
    assert before.json()["code"] == "not_found"
    assert made.json() == again.json() == client.get(LINK, headers=ada).json()
    assert made.json()["address"].endswith(
        reverse("referrals:invitation", args=[link.code])
    )
    assert len(link.address_digest) == 64
    assert made.json()["reward_nano"] == 10_000_000_000
    assert (made.json()["joined"], made.json()["paid"]) == (0, 0)


def test_a_token_without_the_scope_makes_none(client: Client, person: Person) -> None:
    ada = bearer(person("ada"), "forum:write", "keys:write")

    assert client.put(LINK, headers=ada).status_code == 403
    assert not ReferralLink.objects.exists()
    assert client.put(LINK).status_code == 401


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "joined"),
        ({"paid": True}, "paid"),
        ({"paid": True, "held_at": True}, "held"),
        ({"paid": True, "held_at": True, "decided_at": True}, "paid"),
        ({"paid": True, "rewarded_at": True, "round": 1}, "rewarded"),
        (
            {
                "paid": True,
                "held_at": True,
                "decided_at": True,
                "refused_at": True,
                "withdrawn_at": True,
            },
            "refused",
        ),
        ({"withdrawn_at": True, "round": 1}, "withdrawn"),
        ({"paid": True, "withdrawn_at": True, "round": 1}, "withdrawn"),
    ],
)
def test_a_state_is_one_word_here_and_on_the_page(
    client: Client, person: Person, fields: dict[str, Any], state: str
) -> None:
    ada = person("ada")
    now = timezone.now()
    values = {name: now if each is True else each for name, each in fields.items()}
    if values.pop("paid", None):
        values |= {"paid_at": now, "invoice_id": 1}
    referral_of(ada, person("ben"), signs=["same_card"], **values)

    (found,) = client.get(LIST, headers=bearer(ada)).json()["results"]

    # What speaks against it is for staff.
    assert set(found) == {"username", "state", "joined_at"}
    assert (found["username"], found["state"]) == ("ben", state)
    client.force_login(ada)
    page = client.get(reverse("referrals:mine")).content.decode()
    assert str(Referral.Progress(state).label) in page


def test_each_sees_whom_they_brought_staff_too(
    client: Client, person: Person, settings: Any
) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    ada, ben = person("ada"), person("ben")
    boss = person("boss", is_staff=True)
    referral_of(ada, person("cyd"))
    referral_of(ben, person("dan"))

    def brought(user: Any) -> list[str]:
        answer = client.get(LIST, headers=bearer(user)).json()
        return [each["username"] for each in answer["results"]]

    assert (brought(ada), brought(ben), brought(boss)) == (["cyd"], ["dan"], [])
    assert client.get(LIST).status_code == 401


def test_a_long_list_has_pages_and_no_more_queries(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    headers = bearer(ada)
    began = timezone.now() - timedelta(days=60)
    for number in range(31):
        referral_of(
            ada, person(f"p{number}"), joined_at=began + timedelta(hours=number)
        )

    # The first use of a token is noted.
    client.get(LINK, headers=headers)
    with CaptureQueriesContext(connection) as many:
        first = client.get(LIST, headers=headers).json()
    with CaptureQueriesContext(connection) as few:
        rest = client.get(LIST, {"cursor": first["next"]}, headers=headers).json()

    assert first["results"][0]["username"] == "p30"
    assert [each["username"] for each in rest["results"]] == ["p0"]
    assert len(many) == len(few)
    assert client.get(LIST, {"state": "paid"}, headers=headers).status_code == 400
    assert client.get(LIST, {"cursor": "x"}, headers=headers).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_who_asks_twice_at_once_has_one_link(client: Client, person: Person) -> None:
    headers = bearer(person("ada"), "referrals:write")

    came = together(*[lambda: Client().put(LINK, headers=headers)] * 4)

    assert {each.status_code for each in came} == {200}
    assert len({each.json()["address"] for each in came}) == 1
    assert ReferralLink.objects.count() == 1
