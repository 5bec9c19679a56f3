"""The usage page: exact sums, its own organisation's only, the same cost always."""

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation, invite_member
from entitlements.models import OrganisationEntitlement
from inference.keys.services import create_playground_key
from inference.usage.periods import Period, chart
from tests.factories.accounts import with_seats
from tests.factories.inference import key_of, used

pytestmark = pytest.mark.django_db
PATHS = ["usage/", "usage/log.csv", "usage/table.csv", "_usage/", "_steps/"]


@pytest.fixture
def ada(person: Callable[..., Any], client: Client) -> Any:
    user = person("ada")
    client.force_login(user)
    return user


def table(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_told_the_page_does_not_exist(
    path: str, ada: Any, person: Callable[..., Any], client: Client
) -> None:
    create_organisation("Northwind", owner=person("erin"))

    assert client.get(f"/console/northwind/{path}").status_code == 404
    assert client.get(f"/console/ada/{path}").status_code == 200
    client.logout()
    assert client.get(f"/console/ada/{path}").status_code == 302


def test_without_calls_the_page_says_what_to_do(ada: Any, client: Client) -> None:
    page = client.get("/console/ada/usage/").content.decode()

    assert "No call in this range" in page
    assert "no data" in page
    assert "of $1.00 included this month" in page


def test_totals_are_exact_and_of_the_range(ada: Any, client: Client) -> None:
    organisation = personal_organisation(ada)
    key = key_of(organisation, ada, name="Website")
    used(organisation, key)
    used(organisation, key, model="grand", edition="premium", status="upstream_error")
    used(organisation, key, at=timezone.now() - timedelta(days=10))

    week = client.get("/console/ada/usage/?range=7d")
    quarter = client.get("/console/ada/usage/?range=90d")

    assert week.context["totals"].requests == 2
    assert week.context["totals"].failure_share == 0.5
    assert week.context["totals"].price_nano == 400_000
    assert quarter.context["totals"].price_nano == 600_000
    assert "50.0 %" in week.content.decode()
    assert week.context["chart"].series == (
        ("grand", "premium"),
        ("tiny", "open"),
    )
    assert week.context["chart"].bars[-1].total == 400_000


def test_no_range_and_no_group_are_the_usual_ones(ada: Any, client: Client) -> None:
    response = client.get("/console/ada/usage/?range=&group=")

    assert response.context["period"].name == "30d"
    assert response.context["group"] == "model"


@pytest.mark.parametrize("name", ["range", "group"])
def test_an_unknown_range_or_group_is_refused_by_name(
    name: str, ada: Any, client: Client
) -> None:
    response = client.get(f"/console/ada/usage/?{name}=secret")

    assert response.status_code == 400
    assert f"“{name}” has to be one of these" in response.content.decode()


def test_a_changed_cursor_is_refused(ada: Any, client: Client) -> None:
    used(personal_organisation(ada))

    assert client.get("/console/ada/usage/?cursor=nonsense").status_code == 400


def test_the_files_hold_what_the_tables_show(ada: Any, client: Client) -> None:
    organisation = personal_organisation(ada)
    key = key_of(organisation, ada, name="=1+1")
    event = used(organisation, key)

    log = table(client.get("/console/ada/usage/log.csv?range=1d"))
    sums = table(client.get("/console/ada/usage/table.csv?range=1d&group=key"))

    assert log[1][0] == event.request_id
    assert dict(zip(log[0], log[1], strict=True))["price_nano_usd"] == "200000"
    # A spreadsheet must not calculate somebody's key name.
    assert sums[1] == ["'=1+1", "1", "0", "100", "50", "200000"]


def test_the_log_is_read_page_by_page(ada: Any, client: Client) -> None:
    organisation = personal_organisation(ada)
    made = {used(organisation).request_id for _ in range(35)}

    first = client.get("/console/ada/usage/?range=1d").context["log"]
    second = client.get(
        "/console/ada/usage/", {"range": "1d", "cursor": first.next_cursor}
    ).context["log"]

    assert (len(first), len(second)) == (30, 5)
    assert {event.request_id for page in (first, second) for event in page} == made


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("group", ["model", "key"])
def test_the_page_costs_the_same_queries_however_much_was_used(
    group: str,
    count: int,
    ada: Any,
    client: Client,
    django_assert_num_queries: Any,
) -> None:
    organisation = personal_organisation(ada)
    for number in range(count):
        used(organisation, key_of(organisation, ada), model=f"m{number}")
    client.get("/console/ada/usage/")

    with django_assert_num_queries(12):
        client.get(f"/console/ada/usage/?group={group}")


def test_a_chart_has_a_bar_for_every_day_and_draws_the_small_models_together() -> None:
    period = Period.named("7d", now=datetime(2026, 3, 31, 23, 59, tzinfo=UTC))
    amounts = {(f"m{number}", "open"): 10 - number for number in range(9)}

    drawn = chart(period, {datetime(2026, 3, 31, tzinfo=UTC).date(): amounts})

    assert [bar.label for bar in drawn.bars][::6] == ["2026-03-25", "2026-03-31"]
    assert [model for model, _edition in drawn.series] == [
        *(f"m{number}" for number in range(6)),
        "…",
    ]
    assert drawn.bars[-1].amounts[-1] == 4 + 3 + 2
    assert drawn.top == sum(amounts.values())


def test_the_last_day_has_a_bar_for_every_hour() -> None:
    now = datetime(2026, 4, 1, 0, 30, tzinfo=UTC)
    period = Period.named("1d", now=now)
    hour = datetime(2026, 4, 1, tzinfo=UTC)

    drawn = chart(period, {hour: {("tiny", "open"): 5}})

    assert len(drawn.bars) == 24
    assert (drawn.bars[-1].label, drawn.bars[-1].total) == ("00:00", 5)


def steps_of(client: Client, slug: str) -> dict[str, bool]:
    answer = client.get(f"/console/{slug}/_steps/")
    return {str(step.url): step.is_done for step in answer.context["steps"]}


def entitle(organisation: Any, plan: str) -> None:
    OrganisationEntitlement.objects.create(
        organisation=organisation,
        revision=1,
        plan=plan,
        features={"plan": plan},
        computed_at=timezone.now(),
    )


def test_each_first_step_turns_done_by_itself(ada: Any, client: Client) -> None:
    organisation = personal_organisation(ada)
    keys = "/console/ada/keys/"
    seen = [steps_of(client, "ada")]

    EmailAddress.objects.create(user=ada, email=ada.email, verified=True)
    seen.append(steps_of(client, "ada"))
    create_playground_key(organisation, by=ada)
    seen.append(steps_of(client, "ada"))
    key = key_of(organisation, ada)
    seen.append(steps_of(client, "ada"))
    used(organisation, key)
    seen.append(steps_of(client, "ada"))

    assert [list(each.values()) for each in seen] == [
        [False, False, False, False],
        [True, False, False, False],
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
    ]
    assert list(seen[0]) == ["/accounts/email/", keys, "/docs/", "/pricing/"]


def test_the_first_steps_go_away_once_all_are_done(ada: Any, client: Client) -> None:
    organisation = personal_organisation(ada)
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True)
    used(organisation, key_of(organisation, ada))
    before = client.get("/console/ada/_steps/").text
    entitle(organisation, "pro")

    after = client.get("/console/ada/_steps/")

    assert "3 of 4 done" in before
    assert (after.status_code, after.text.strip()) == (200, "")


def test_the_page_waits_for_the_first_call_and_shows_it(
    ada: Any, client: Client
) -> None:
    organisation = personal_organisation(ada)
    key = key_of(organisation, ada)
    page = client.get("/console/ada/").text
    (asked,) = re.findall(r'hx-get="(/console/ada/_steps/[^"]+)"', page)
    address = html.unescape(asked)

    unchanged = client.get(address)
    used(organisation, key)
    changed = client.get(address)

    assert "Waiting for it" in page
    assert (unchanged.status_code, unchanged.content) == (204, b"")
    assert "The first call has arrived." in changed.text
    assert "hx-get" not in changed.text


def test_the_last_step_is_seen_to_turn_done(ada: Any, client: Client) -> None:
    organisation = personal_organisation(ada)
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True)
    entitle(organisation, "pro")
    used(organisation, key_of(organisation, ada))

    assert "4 of 4 done" in client.get("/console/ada/_steps/?done=3").text
    assert client.get("/console/ada/_steps/").text.strip() == ""


def test_a_page_left_open_asks_no_more(ada: Any, client: Client) -> None:
    key_of(personal_organisation(ada), ada)

    answer = client.get("/console/ada/_steps/?done=1&until=1000")

    assert answer.status_code == 200
    assert "hx-get" not in answer.text
    assert "Waiting for it" not in answer.text


def test_a_team_has_a_member_to_invite(
    ada: Any, person: Callable[..., Any], client: Client
) -> None:
    team = with_seats(create_organisation("Northwind", owner=ada), 2)
    members = "/console/northwind/members/"
    alone = steps_of(client, "northwind")[members]
    owner = team.memberships.get()
    invite_member(team, email="x@example.test", role="member", by=owner)
    invited = steps_of(client, "northwind")[members]
    team.invitations.all().delete()
    add_member(team, user=person("ben"))

    assert (alone, invited) == (False, True)
    assert steps_of(client, "northwind")[members] is True
    assert members not in steps_of(client, "ada")


def test_a_team_is_asked_to_invite_once_its_plan_has_a_seat_for_it(
    ada: Any, client: Client
) -> None:
    team = create_organisation("Northwind", owner=ada)
    members = "/console/northwind/members/"

    assert members not in steps_of(client, "northwind")
    with_seats(team, 2)
    assert members in steps_of(client, "northwind")


def test_whoever_pays_the_bills_is_not_sent_to_the_keys(
    ada: Any, person: Callable[..., Any], client: Client
) -> None:
    team = create_organisation("Northwind", owner=person("erin"))
    add_member(team, user=ada, role=Membership.Role.BILLING)

    assert "/console/northwind/keys/" not in steps_of(client, "northwind")


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize(("path", "queries"), [("", 23), ("_steps/", 7)])
def test_the_console_costs_the_same_queries_however_many_keys(
    path: str,
    queries: int,
    count: int,
    ada: Any,
    client: Client,
    django_assert_num_queries: Any,
) -> None:
    organisation = personal_organisation(ada)
    for _number in range(count):
        key_of(organisation, ada)
    client.get("/console/ada/")

    with django_assert_num_queries(queries):
        client.get(f"/console/ada/{path}")
