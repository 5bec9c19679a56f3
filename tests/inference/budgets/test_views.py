"""The page and the REST API of budgets: who sets them, and what is wrong with one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from core.money import NANO
from inference.budgets.models import Budget
from tests.factories.accounts import with_seats
from tests.factories.inference import key_of, used
from tests.signing_in import age_sign_in, browser_of, record_sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(person: Callable[..., Any], client: Client) -> User:
    found: User = person("ada")
    client.force_login(found)
    record_sign_in(client, found)
    return found


@pytest.fixture
def team(ada: User) -> Organisation:
    return with_seats(create_organisation("Acme", owner=ada), 5)


def page_of(team: Organisation) -> str:
    return reverse("budgets:budget-list", args=[team.slug])


def api_of(team: Organisation) -> str:
    return f"/api/v1/organisations/{team.public_id}/budgets/"


def form(**fields: str) -> dict[str, str]:
    return {"target": "organisation", "amount": "12.5", "effect": "soft", **fields}


def test_a_budget_is_set_on_the_page_and_the_api_says_the_same(
    client: Client, ada: User, team: Organisation
) -> None:
    used(team, key_of(team, ada), price_nano=10 * NANO)

    assert client.post(page_of(team), form()).status_code == 302

    page = client.get(page_of(team)).content.decode()
    assert "$10.00 · 80 %" in page
    assert client.get(api_of(team)).json()["results"] == [
        {
            "target": "organisation",
            "scope": "organisation",
            "name": "Acme",
            "limit_nano": 12_500_000_000,
            "spent_nano": 10 * NANO,
            "percent": 80,
            "is_hard": False,
        }
    ]
    assert 'value="12.5' in page


@pytest.mark.parametrize(
    ("changed", "is_asked"),
    [
        ({"amount": "13"}, True),
        ({"amount": ""}, True),
        ({"effect": "soft"}, True),
        ({"amount": "12"}, False),
        ({}, False),
    ],
    ids=["more", "none", "only told", "less", "the same"],
)
@pytest.mark.parametrize("of", ["organisation", "key"])
def test_a_screen_that_was_left_open_lets_nothing_more_be_used(
    ada: User, team: Organisation, changed: dict[str, str], is_asked: bool, of: str
) -> None:
    key = key_of(team, ada)
    target = "organisation" if of == "organisation" else f"key:{key.public_id}"
    browser = browser_of(ada)
    browser.post(page_of(team), form(target=target, effect="hard"))
    before = browser.get(api_of(team)).json()
    age_sign_in(browser, minutes=6)

    sent = form(**{"target": target, "effect": "hard", **changed})
    answer = browser.post(page_of(team), sent)
    limit = int(float(sent["amount"]) * NANO) if sent["amount"] else None
    over_rest = browser.put(
        api_of(team),
        {
            "target": target,
            "limit_nano": limit,
            "is_hard": sent["effect"] == "hard",
        },
        content_type="application/json",
    )

    assert ("reauthenticate" in answer["Location"]) == is_asked
    assert over_rest.status_code == (403 if is_asked else 200)
    assert not is_asked or browser.get(api_of(team)).json() == before


def test_a_budget_that_only_tells_is_changed_without_being_asked(
    ada: User, team: Organisation
) -> None:
    browser = browser_of(ada)
    browser.post(page_of(team), form())
    age_sign_in(browser, minutes=6)

    browser.post(page_of(team), form(amount="99"))

    assert Budget.objects.get().limit_nano == 99 * NANO


def test_an_empty_amount_takes_the_budget_away(
    client: Client, team: Organisation
) -> None:
    client.post(page_of(team), form())

    assert client.post(page_of(team), form(amount="")).status_code == 302

    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", "member:nobody"),
        ("target", ""),
        ("amount", "0"),
        ("amount", "-1"),
        ("amount", "1e9"),
        ("amount", "0.001"),
        ("effect", "maybe"),
        ("effect", ""),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_set(
    client: Client, team: Organisation, field: str, value: str
) -> None:
    answer = client.post(page_of(team), form(**{field: value}))

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    assert not Budget.objects.exists()


def test_edit_shows_the_budget_it_is_about(
    client: Client, ada: User, team: Organisation
) -> None:
    client.post(page_of(team), form(target="member:ada", amount="3"))

    page = client.get(page_of(team), {"target": "member:ada"})

    assert page.context["form"].initial == {
        "target": "member:ada",
        "amount": 3,
        "effect": "soft",
    }


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Membership.Role.BILLING, 200),
        (Membership.Role.ADMIN, 403),
        (Membership.Role.MEMBER, 403),
    ],
)
def test_who_looks_after_the_money_sets_budgets(
    client: Client,
    person: Callable[..., Any],
    team: Organisation,
    role: str,
    status: int,
) -> None:
    ben = person("ben")
    add_member(team, user=ben, role=role)
    client.force_login(ben)

    assert client.get(page_of(team)).status_code == status
    assert client.get(api_of(team)).status_code == status
    sent = client.put(
        api_of(team),
        {"target": "organisation", "limit_nano": 5},
        content_type="application/json",
    )
    assert sent.status_code == status
    assert Budget.objects.exists() == (status == 200)


def test_staff_read_budgets_and_set_none(
    client: Client, person: Callable[..., Any], team: Organisation
) -> None:
    client.force_login(person("sam", is_staff=True))

    assert client.get(page_of(team)).status_code == 200
    assert client.get(api_of(team)).status_code == 200
    assert client.post(page_of(team), form()).status_code == 403
    sent = client.put(
        api_of(team),
        {"target": "organisation", "limit_nano": 5},
        content_type="application/json",
    )
    assert sent.status_code == 403
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"target": "member:zoe", "limit_nano": 5}, "target"),
        ({"target": "organisation"}, "limit_nano"),
        ({"target": "organisation", "limit_nano": 0}, "limit_nano"),
        ({"target": "organisation", "limit_nano": 5, "is_hard": "x"}, "is_hard"),
        ({"target": "organisation", "limit_nano": 5, "color": "red"}, "color"),
    ],
)
def test_the_api_names_the_wrong_field(
    client: Client, team: Organisation, body: dict[str, Any], field: str
) -> None:
    answer = client.put(api_of(team), body, content_type="application/json")

    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {field}
    assert not Budget.objects.exists()


def test_the_api_sets_a_budget_and_takes_it_away(
    client: Client, team: Organisation
) -> None:
    body = {"target": "member:ada", "limit_nano": 5}
    for _ in range(2):
        answer = client.put(api_of(team), body, content_type="application/json")
    assert [row["target"] for row in answer.json()["results"]] == ["member:ada"]

    answer = client.put(
        api_of(team), body | {"limit_nano": None}, content_type="application/json"
    )

    assert answer.json() == {"results": []}
