import csv
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Membership, Organisation
from audit.models import Record
from audit.services import record
from entitlements.features import FREE, Features
from entitlements.services import replace_for

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


@pytest.fixture
def team(person: Person) -> Organisation:
    """A team whose plan includes the audit log."""
    team = accounts.create_organisation("Northwind", owner=person("erin"))
    replace_for(team.pk, Features(plan="team", audit_log=True), source="test")
    return team


def sign_in(client: Client, team: Organisation, person: Person, role: str) -> Any:
    user = person(role)
    accounts.add_member(team, user=user, role=role)
    client.force_login(user)
    return user


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Membership.Role.OWNER, 200),
        (Membership.Role.ADMIN, 200),
        (Membership.Role.BILLING, 403),
        (Membership.Role.MEMBER, 403),
    ],
)
def test_only_managers_see_the_log(
    client: Client, person: Person, team: Organisation, role: str, status: int
) -> None:
    sign_in(client, team, person, role)

    page = client.get(f"/console/{team.slug}/audit/")
    file = client.get(f"/console/{team.slug}/audit/records.csv")

    assert (page.status_code, file.status_code) == (status, status)


def test_the_log_of_others_does_not_exist(
    client: Client, person: Person, team: Organisation
) -> None:
    client.force_login(person("stranger"))

    assert client.get(f"/console/{team.slug}/audit/").status_code == 404
    assert client.get(f"/console/{team.slug}/audit/records.csv").status_code == 404


def test_a_page_shows_one_organisations_records_newest_first(
    client: Client, person: Person, team: Organisation
) -> None:
    other = accounts.create_organisation("Southwind", owner=person("otto"))
    record("key.created", actor=None, organisation=other, target="key of others")
    for number in range(31):
        record("key.created", actor=None, organisation=team, target=f"key {number}.")
    sign_in(client, team, person, "admin")

    first = client.get(f"/console/{team.slug}/audit/")
    cursor = first.context["page"].next_cursor
    second = client.get(f"/console/{team.slug}/audit/", {"cursor": cursor})

    assert "key of others" not in first.content.decode()
    assert [entry.target for entry in first.context["page"]][:2] == [
        "key 30.",
        "key 29.",
    ]
    assert [entry.target for entry in second.context["page"]] == ["key 0."]
    assert client.get(f"/console/{team.slug}/audit/?cursor=x").status_code == 400


def test_a_page_costs_the_same_for_one_record_and_for_thirty(
    client: Client, person: Person, team: Organisation
) -> None:
    admin = sign_in(client, team, person, "admin")

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/console/{team.slug}/audit/")
        return len(captured)

    record("key.created", actor=admin, organisation=team)
    cost()
    one = cost()
    for _ in range(29):
        record("key.created", actor=admin, organisation=team)

    assert cost() == one


def test_a_plan_without_the_log_is_told_what_would_bring_it(
    client: Client, person: Person, team: Organisation
) -> None:
    record("key.created", actor=None, organisation=team, target="key of the team")
    replace_for(team.pk, FREE, source="test")
    sign_in(client, team, person, "owner")

    page = client.get(f"/console/{team.slug}/audit/")
    file = client.get(f"/console/{team.slug}/audit/records.csv")

    assert page.status_code == 200
    assert "key of the team" not in page.content.decode()
    assert 'href="/pricing/"' in page.content.decode()
    assert file.status_code == 403
    assert not Record.objects.filter(action="audit.exported").exists()


def test_the_file_holds_every_record_and_is_itself_recorded(
    client: Client, person: Person, team: Organisation
) -> None:
    record(
        "plan.granted",
        actor=None,
        organisation=team,
        target="=cmd()",
        after={"reason": "试用"},
    )
    owner = sign_in(client, team, person, "owner")

    answer = client.get(f"/console/{team.slug}/audit/records.csv")

    body = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(StringIO(body)))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["action"] for row in rows] == ["plan.granted", "audit.exported"]
    assert rows[0]["target"] == "'=cmd()"
    assert rows[0]["after"] == '{"reason": "试用"}'
    assert rows[1]["person"] == owner.username
    assert rows[0]["digest"] == Record.objects.get(action="plan.granted").digest


def test_staff_see_what_was_done_anywhere_and_filter_it(
    client: Client, person: Person, team: Organisation
) -> None:
    record("post.hidden", actor=None, target="post:7")
    record("key.created", actor=None, organisation=team, target="key of the team")
    client.force_login(person("staff", is_staff=True))

    everything = client.get("/staff/operations/audit/").content.decode()
    hidden = client.get("/staff/operations/audit/?action=post.hidden").content.decode()

    assert "post:7" in everything
    assert "key of the team" in everything
    assert "Northwind" in everything
    assert "key of the team" not in hidden


def test_the_staff_log_is_not_for_members(client: Client, person: Person) -> None:
    client.force_login(person("ada"))

    assert client.get("/staff/operations/audit/").status_code == 403


@pytest.mark.parametrize(
    ("action", "target", "words"),
    [
        ("member.added", "user:oscar", "member oscar"),
        ("plan.changed", "revision:2", "change 2 of the plan"),
        ("member.invited", "invitation:7", "invitation 7"),
        ("admin.changed", "organisation:4", "organisation, record 4"),
        ("key.created", "ds_live_OSMY…RpCf", "ds_live_OSMY…RpCf"),
        ("data.exported", "/a:b/", "/a:b/"),
    ],
)
def test_a_target_is_in_words_on_the_page_and_as_it_is_in_the_file(
    client: Client,
    person: Person,
    team: Organisation,
    action: str,
    target: str,
    words: str,
) -> None:
    entry = record(action, actor=None, organisation=team, target=target)
    sign_in(client, team, person, "admin")

    page = client.get(f"/console/{team.slug}/audit/").content.decode()
    file = (
        client.get(f"/console/{team.slug}/audit/records.csv")
        .getvalue()
        .decode("utf-8-sig")
    )

    assert entry.target_name == words
    assert f">{words}</td>" in page
    assert target in next(line for line in file.splitlines() if action in line)


def test_records_are_ordered_by_their_time(
    client: Client, person: Person, team: Organisation
) -> None:
    now = timezone.now()
    for days in (1, 3, 2):
        with mock.patch.object(
            timezone, "now", return_value=now - timedelta(days=days)
        ):
            record("key.created", actor=None, organisation=team, target=f"{days} old")
    sign_in(client, team, person, "admin")

    page = client.get(f"/console/{team.slug}/audit/").context["page"]

    assert [entry.target for entry in page if entry.action == "key.created"] == [
        "1 old",
        "2 old",
        "3 old",
    ]
