"""The pages, the file and the REST API of credit: who sees it, and that they agree."""

import csv
import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from audit.models import Record
from billing.credits.models import CreditEntry, CreditGrant
from billing.credits.subscribers import cover_usage as hear
from core.money import NANO
from entitlements.features import Features
from entitlements.services import replace_for
from tests.factories.credits import credit_of, usage_of

pytestmark = pytest.mark.django_db
STAFF_LIST = "/staff/credit/"


@pytest.fixture
def ada(person: Callable[..., Any]) -> User:
    found: User = person("ada")
    return found


@pytest.fixture
def team(ada: User) -> Organisation:
    """A team whose plan includes two dollars and room for nine."""
    found = create_organisation("Acme", owner=ada)
    features = Features(monthly_allowance_nano=2 * NANO, seats=9)
    replace_for(found.pk, features, source="test")
    return found


@pytest.fixture
def staff(person: Callable[..., Any], client: Client) -> User:
    found: User = person("sam", is_staff=True)
    EmailAddress.objects.get_or_create(
        user=found, email=found.email, verified=True, primary=True
    )
    client.post("/accounts/login/", {"login": found.email, "password": "correct horse"})
    return found


def home(team: Organisation) -> str:
    return reverse("credits:credit-home", args=[team.slug])


def form(team: Organisation, **fields: str) -> dict[str, str]:
    values = {
        "organisation": team.slug,
        "kind": "support",
        "amount": "12.50",
        "reason": "Slow answers",
        "once": str(uuid.uuid4()),
    }
    return {**values, **fields}


def test_the_page_the_file_and_the_api_say_the_same(
    client: Client, ada: User, team: Organisation
) -> None:
    grant = credit_of(team, 5 * NANO, reason="Autumn offer")
    hear(usage_of(team, 3 * NANO + 7))
    client.force_login(ada)

    page = client.get(home(team))
    balance = client.get(f"/api/v1/organisations/{team.public_id}/credit/").json()
    grants = client.get(f"/api/v1/organisations/{team.public_id}/credit/grants/")
    entries = client.get(f"/api/v1/organisations/{team.public_id}/credit/entries/")
    file = client.get(reverse("credits:entries-csv", args=[team.slug]))

    assert page.context["state"].left_nano == balance["left_nano"] == 4 * NANO - 7
    assert balance | {"month": "", "period_start": "", "period_end": ""} == {
        "left_nano": 4 * NANO - 7,
        "month": "",
        "period_start": "",
        "period_end": "",
        "charged_nano": 0,
        "allowance_nano": 2 * NANO,
        "used_nano": 3 * NANO + 7,
        "from_allowance_nano": 2 * NANO,
        "from_credit_nano": NANO + 7,
        "uncovered_nano": 0,
    }
    assert "Autumn offer" in page.content.decode()
    assert grants.json()["results"][0]["id"] == grant.public_id
    lines = list(csv.DictReader(io.StringIO(b"".join(file).decode("utf-8-sig"))))
    moved = [int(line["amount_nano_usd"]) for line in lines]
    assert moved == [5 * NANO, -NANO - 7]
    assert [row["delta_nano"] for row in entries.json()["results"]] == moved[::-1]
    assert lines[1]["usage_month"] == balance["month"]
    assert Record.objects.filter(action="credit.exported").count() == 1


def test_a_grant_shows_its_own_entries_and_no_others(
    client: Client, ada: User, team: Organisation
) -> None:
    grant, other = credit_of(team, NANO), credit_of(team, 9 * NANO, reason="Other")
    hear(usage_of(team, 2 * NANO + 5))
    client.force_login(ada)

    page = client.get(reverse("credits:credit-detail", args=[team.slug, grant]))

    assert {entry.grant_id for entry in page.context["page"]} == {grant.pk}
    assert [entry.kind for entry in page.context["page"]] == ["used", "granted"]
    assert other.reason not in page.content.decode()


def test_credit_of_another_organisation_is_not_there(
    client: Client, ada: User, team: Organisation
) -> None:
    elsewhere = credit_of(create_organisation("Elsewhere", owner=ada), NANO)
    client.force_login(ada)

    page = client.get(reverse("credits:credit-detail", args=[team.slug, elsewhere]))

    assert page.status_code == 404


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Membership.Role.BILLING, 200),
        (Membership.Role.ADMIN, 403),
        (Membership.Role.MEMBER, 403),
    ],
)
def test_who_looks_after_the_money_sees_it(
    client: Client,
    person: Callable[..., Any],
    team: Organisation,
    role: str,
    status: int,
) -> None:
    ben = person("ben")
    add_member(team, user=ben, role=role)
    grant = credit_of(team, NANO)
    client.force_login(ben)

    for address in (
        home(team),
        reverse("credits:credit-detail", args=[team.slug, grant]),
        reverse("credits:entries-csv", args=[team.slug]),
        f"/api/v1/organisations/{team.public_id}/credit/",
        f"/api/v1/organisations/{team.public_id}/credit/grants/",
        f"/api/v1/organisations/{team.public_id}/credit/entries/",
    ):
        assert client.get(address).status_code == status, address
    seen = CreditGrant.objects.visible_to(ben).count()
    assert seen == CreditEntry.objects.visible_to(ben).count() == (status == 200)


def test_the_page_costs_as_many_queries_with_thirty_grants_as_with_one(
    client: Client, ada: User, team: Organisation
) -> None:
    client.force_login(ada)
    credit_of(team, NANO)
    client.get(home(team))
    with CaptureQueriesContext(connection) as with_one:
        client.get(home(team))
    for _ in range(29):
        credit_of(team, NANO)

    with CaptureQueriesContext(connection) as with_thirty:
        page = client.get(home(team))

    assert len(with_thirty) == len(with_one)
    assert len(page.context["page"]) == 30


def test_staff_give_credit_once_however_often_the_form_is_sent(
    client: Client, staff: User, team: Organisation
) -> None:
    sent = form(team)

    for _ in range(2):
        assert client.post(STAFF_LIST, sent).status_code == 302

    grant = CreditGrant.objects.get()
    assert (grant.organisation, grant.amount_nano) == (team, 12_500_000_000)
    assert (grant.granted_by, grant.reason) == (staff, "Slow answers")
    assert Record.objects.get(action="credit.granted").actor == staff


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organisation", "nobody"),
        ("amount", "0"),
        ("amount", "1000001"),
        ("amount", "0.001"),
        ("amount", "NaN"),
        ("kind", "loan"),
        ("reason", ""),
        ("expires_on", "2020-01-01"),
        ("once", "twice"),
    ],
)
def test_a_wrong_field_is_named_what_was_typed_is_kept_and_nothing_is_given(
    client: Client, staff: User, team: Organisation, field: str, value: str
) -> None:
    answer = client.post(STAFF_LIST, form(team, reason="Typed text") | {field: value})

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    if field != "reason":
        assert "Typed text" in answer.content.decode()
    assert not CreditGrant.objects.exists()


def test_one_sending_cannot_stand_for_another_amount(
    client: Client, staff: User, team: Organisation
) -> None:
    sent = form(team)
    client.post(STAFF_LIST, sent)

    answer = client.post(STAFF_LIST, sent | {"amount": "13"})

    assert answer.status_code == 422
    assert "This key was used for other credit." in answer.content.decode()
    assert CreditGrant.objects.get().amount_nano == 12_500_000_000


def test_staff_take_back_a_part_and_not_more_than_is_left(
    client: Client, staff: User, team: Organisation
) -> None:
    grant = credit_of(team, 5 * NANO)
    address = reverse("credits:staff-credit-withdraw", args=[grant])

    too_much = client.post(address, {"amount": "5.01", "reason": "No"})
    assert too_much.status_code == 422
    assert "amount" in too_much.context["form"].errors
    assert client.post(address, {"amount": "2", "reason": "No"}).status_code == 302
    assert client.post(address, {"reason": "The rest"}).status_code == 302

    grant.refresh_from_db()
    assert grant.remaining_nano == 0
    taken = CreditEntry.objects.filter(kind="withdrawn").order_by("pk")
    assert list(taken.values_list("delta_nano", "reason", "made_by")) == [
        (-2 * NANO, "No", staff.pk),
        (-3 * NANO, "The rest", staff.pk),
    ]
    page = client.get(address).content.decode()
    assert 'name="reason"' not in page
    assert "The rest" in page


def test_members_of_a_team_do_not_give_themselves_credit(
    client: Client, ada: User, team: Organisation
) -> None:
    grant = credit_of(team, NANO)
    client.force_login(ada)

    assert client.post(STAFF_LIST, form(team)).status_code == 403
    address = reverse("credits:staff-credit-withdraw", args=[grant])
    assert client.post(address, {"reason": "No"}).status_code == 403

    assert CreditGrant.objects.get().remaining_nano == NANO


def test_the_usage_page_says_what_comes_after_the_allowance(
    client: Client, ada: User, team: Organisation
) -> None:
    client.force_login(ada)
    address = reverse("usage:usage", args=[team.slug])
    assert client.get(address).context["budget"]["credit"] == 0

    credit_of(team, 5 * NANO)
    page = client.get(address)

    assert page.context["budget"]["credit"] == 5 * NANO
    assert "$2.00 left, then $5.00 beyond it." in page.content.decode()


def test_the_pages_speak_chinese(client: Client, ada: User, team: Organisation) -> None:
    credit_of(team, NANO)
    client.force_login(ada)

    page = client.get(home(team), headers={"Accept-Language": "zh-Hans"})

    assert "收到的抵用金" in page.content.decode()
