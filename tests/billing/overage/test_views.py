"""The page, the file and the API of charges say the same, to those who may know."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from accounts.tokens import create_token
from audit.models import Record
from billing.credits.models import ChargeCap, Coverage
from billing.overage.closing import LAST_REPORTS, close_periods
from billing.overage.models import Statement
from billing.overage.services import set_cap
from core.money import NANO
from entitlements.features import Features
from entitlements.queries import credit_for
from entitlements.services import replace_for
from entitlements.terms import UsageTerms, add_months
from notifications.models import Notification
from tests.factories.overage import charged, use
from tests.forms import confirm
from tests.signing_in import age_sign_in, browser_of

pytestmark = pytest.mark.django_db
CENT = 10_000_000


@pytest.fixture
def ada(person: Callable[..., Any]) -> User:
    found: User = person("ada")
    return found


@pytest.fixture
def team(ada: User) -> Organisation:
    """A team within a period, with two dollars included and a cap of fifty."""
    found = create_organisation("Acme", owner=ada)
    start = timezone.now() - timedelta(days=10)
    charged(found, allowance=2 * NANO, percent=120, cap=50 * NANO, start=start)
    terms = UsageTerms(
        period_start=start, period_end=add_months(start, 1), overage_percent=120
    )
    features = Features(plan="pro", monthly_allowance_nano=2 * NANO, seats=9)
    replace_for(found.pk, features, source="test", terms=terms)
    return found


def home(team: Organisation) -> str:
    return reverse("overage:overage-home", args=[team.slug])


def api(team: Organisation, rest: str = "") -> str:
    return f"/api/v1/organisations/{team.public_id}/charges/{rest}"


def closed(team: Organisation) -> Statement:
    coverage = Coverage.objects.get(organisation=team)
    (pk,) = close_periods(now=coverage.ends_at + LAST_REPORTS)
    return Statement.objects.get(pk=pk)


def test_the_page_the_file_and_the_api_say_the_same_to_the_billionth(
    client: Client, ada: User, team: Organisation
) -> None:
    now = timezone.now()
    use(team, 2 * NANO + 3 * CENT + 7, at=now)
    use(team, NANO + 5, at=now, model="small")
    client.force_login(ada)

    page = client.get(home(team))
    state = client.get(api(team)).json()

    shown = page.context["state"]
    assert (
        shown.charge_nano
        == state["charge_nano"]
        == sum(line["charge_nano"] for line in state["lines"])
    )
    assert state["used_nano"] == 3 * NANO + 3 * CENT + 12
    assert state["projected_nano"] == shown.projected_nano
    assert state["charge_nano"] <= state["projected_nano"] <= state["cap_nano"]
    statement = closed(team)
    detail = client.get(
        reverse("overage:statement-detail", args=[team.slug, statement.public_id])
    )
    listed = client.get(api(team, "statements/")).json()["results"]
    whole = client.get(api(team, f"statements/{statement.public_id}/")).json()
    file = client.get(reverse("overage:lines-csv", args=[team.slug]))
    rows = list(csv.DictReader(io.StringIO(b"".join(file).decode("utf-8-sig"))))
    charges = [line["charge_nano"] for line in whole["lines"]]
    assert detail.context["charge_nano"] == sum(charges) == shown.charge_nano
    assert [int(row["charge_nano_usd"]) for row in rows] == charges
    assert [int(row["amount_minor"]) for row in rows] == [
        line["amount"] for line in whole["lines"]
    ]
    assert listed[0]["amount"] == whole["amount"] == statement.amount
    assert "$1.20" in detail.content.decode()
    assert Record.objects.filter(action="charges.exported").count() == 1
    note = Notification.objects.filter(user=ada).latest("pk")
    assert "beyond the plan" in note.title


def test_the_owner_sets_a_cap_that_is_in_force_and_audited(
    client: Client, ada: User, team: Organisation
) -> None:
    client.force_login(ada)

    assert client.post(home(team), {"cap": "12.34"}).status_code == 302

    assert ChargeCap.objects.get().cap_nano == 12_340_000_000
    assert credit_for(team.pk).chargeable_nano == 12_340_000_000 * 100 // 120
    line = Record.objects.get(action="charge_cap.set")
    assert (line.before, line.after) == (
        {"cap_nano": 50 * NANO},
        {"cap_nano": 12_340_000_000},
    )
    assert 'value="12.34"' in client.get(home(team)).content.decode()
    client.post(home(team), {"cap": ""})
    assert not ChargeCap.objects.exists()
    assert credit_for(team.pk).chargeable_nano == 0
    assert "Nothing is charged without a cap" in client.get(home(team)).content.decode()


@pytest.mark.parametrize("typed", ["0", "-1", "1.234", "1000001", "much"])
def test_what_is_no_cap_is_said_and_kept_as_it_was_typed(
    client: Client, ada: User, team: Organisation, typed: str
) -> None:
    client.force_login(ada)

    answer = client.post(home(team), {"cap": typed})

    assert answer.status_code == 422
    assert "cap" in answer.context["form"].errors
    assert f'value="{typed}"' in answer.content.decode()
    assert ChargeCap.objects.get().cap_nano == 50 * NANO


def test_the_cap_is_set_over_rest_and_wrong_ones_name_the_field(
    client: Client, ada: User, team: Organisation
) -> None:
    client.force_login(ada)
    kind = "application/json"

    answer = client.put(api(team), {"cap_nano": 7 * NANO}, content_type=kind)
    assert answer.json()["cap_nano"] == 7 * NANO
    for wrong in ({"cap_nano": 0}, {"cap_nano": "x"}, {}, {"cap_nano": 10**16}):
        refused = client.put(api(team), wrong, content_type=kind)
        assert refused.status_code == 400
        assert "cap_nano" in str(refused.json())
    assert (
        client.put(api(team), {"cap_nano": None}, content_type=kind).json()["cap_nano"]
        is None
    )


def test_a_screen_that_was_left_open_lowers_the_cap_and_does_not_raise_it(
    ada: User, team: Organisation
) -> None:
    browser, kind = browser_of(ada), "application/json"
    age_sign_in(browser, minutes=6)

    asked = browser.post(home(team), {"cap": "51"})
    refused = browser.put(api(team), {"cap_nano": 51 * NANO}, content_type=kind)

    assert "reauthenticate" in asked["Location"]
    assert (refused.status_code, refused.json()["code"]) == (
        403,
        "recent_sign_in_required",
    )
    assert ChargeCap.objects.get().cap_nano == 50 * NANO
    # Less costs nobody more, and nothing at all is less.
    assert browser.post(home(team), {"cap": "49"})["Location"] == home(team)
    lowered = browser.put(api(team), {"cap_nano": 48 * NANO}, content_type=kind)
    assert lowered.json()["cap_nano"] == 48 * NANO
    assert browser.post(home(team), {"cap": ""})["Location"] == home(team)
    assert not ChargeCap.objects.exists()
    # From nothing to anything is more; what was typed is sent once it is confirmed.
    again = browser.post(home(team), {"cap": "1"})
    assert confirm(browser, again)["Location"] == home(team)
    assert ChargeCap.objects.get().cap_nano == NANO


def test_a_token_raises_the_cap_whenever_it_was_made(
    client: Client, ada: User, team: Organisation
) -> None:
    _token, secret = create_token(ada, name="Terraform", scopes=["keys:write"])

    answer = client.put(
        api(team),
        {"cap_nano": 51 * NANO},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )

    assert answer.json()["cap_nano"] == 51 * NANO


def test_only_those_who_look_after_money_see_it_and_staff_set_no_cap(
    client: Client, ada: User, team: Organisation, person: Callable[..., Any]
) -> None:
    use(team, 3 * NANO, at=timezone.now())
    statement = closed(team)
    detail = reverse("overage:statement-detail", args=[team.slug, statement.public_id])
    roles = Membership.Role
    for name, role, status in (
        ("ben", roles.MEMBER, 403),
        ("cat", roles.BILLING, 200),
    ):
        who = person(name)
        add_member(team, user=who, role=role)
        client.force_login(who)
        assert client.get(home(team)).status_code == status
        assert client.get(detail).status_code == status
        assert client.get(api(team, "statements/")).status_code == status
    other = create_organisation("Other", owner=person("eve"))
    client.force_login(ada)
    assert (
        client.get(
            reverse("overage:statement-detail", args=[other.slug, statement.public_id])
        ).status_code
        == 404
    )
    client.force_login(person("sam", is_staff=True))
    assert client.post(home(team), {"cap": "1"}).status_code == 403
    assert ChargeCap.objects.get().cap_nano == 50 * NANO


def test_a_cap_below_what_was_charged_lets_nothing_more_in(
    ada: User, team: Organisation
) -> None:
    use(team, 4 * NANO, at=timezone.now())
    set_cap(team, cap_nano=NANO, by=ada)

    assert credit_for(team.pk).chargeable_nano == 0
    use(team, NANO, at=timezone.now())

    row = Coverage.objects.get(organisation=team)
    assert (row.charged_nano, row.uncovered_nano) == (2 * NANO, NANO)


def test_the_page_asks_as_often_with_thirty_models_as_with_three(
    client: Client, ada: User, team: Organisation
) -> None:
    client.force_login(ada)

    def asked(count: int) -> int:
        for number in range(count):
            use(team, NANO, at=timezone.now(), model=f"m{number}")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(home(team)).status_code == 200
        return len(queries)

    few = asked(3)
    assert asked(30) <= few


def test_the_pages_speak_chinese(client: Client, ada: User, team: Organisation) -> None:
    client.force_login(ada)

    page = client.get(home(team), headers={"Accept-Language": "zh-Hans"})

    assert "费用上限" in page.content.decode()
