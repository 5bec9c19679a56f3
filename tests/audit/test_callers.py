"""What belongs on record gets there, from whatever area does it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts import services as accounts
from accounts import tokens
from accounts.models import Membership, User
from accounts.queries import membership_of, personal_organisation
from audit.models import Record
from audit.services import broken_records
from billing.plans.services import ensure_default_plans
from billing.subscriptions import granting as subscriptions
from inference.keys import services as keys
from outbox.models import Event as Fact
from tests.factories.accounts import with_seats
from tests.fakes.authenticator import code_of

Person = Callable[..., Any]
Deliver = Callable[[], int]
pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(Record.objects.order_by("pk").values_list("action", flat=True))


def sign_in(client: Client, user: User) -> User:
    """Sign in on the page, as a person whose address is verified."""
    EmailAddress.objects.create(
        user=user, email=user.email, primary=True, verified=True
    )
    answer = client.post(
        "/accounts/login/", {"login": user.email, "password": "correct horse"}
    )
    assert answer.status_code == 302
    return user


def test_the_way_of_a_member_is_on_record(
    person: Person, deliver_outbox: Deliver
) -> None:
    erin, ben = person("erin"), person("ben")
    team = with_seats(accounts.create_organisation("Northwind", owner=erin), 2)
    owner = membership_of(erin, team)
    assert owner is not None
    _, token = accounts.invite_member(
        team, email=ben.email, role=Membership.Role.MEMBER, by=owner
    )
    place = accounts.accept_invitation(token, user=ben)
    accounts.change_role(place, role=Membership.Role.ADMIN, by=owner)
    accounts.change_role(place, role=Membership.Role.ADMIN, by=owner)
    accounts.remove_member(place, by=owner)

    deliver_outbox()

    records = Record.objects.filter(organisation=team).order_by("pk")
    assert [(entry.action, entry.actor, entry.changes) for entry in records] == [
        ("member.invited", erin, [("role", "member")]),
        ("member.added", erin, [("role", "member")]),
        ("member.role_changed", erin, [("role", "member → admin")]),
        ("member.removed", erin, []),
    ]
    assert records[2].target == "user:ben"
    assert ben.email not in str(list(records.values()))
    assert list(broken_records()) == []


def test_somebody_who_leaves_is_their_own_actor(
    client: Client, person: Person, deliver_outbox: Deliver
) -> None:
    erin, ben = person("erin"), person("ben")
    team = accounts.create_organisation("Northwind", owner=erin)
    place = accounts.add_member(team, user=ben)
    sign_in(client, ben)

    client.post(
        f"/console/{team.slug}/members/{place.pk}/",
        {"remove": "1"},
        REMOTE_ADDR="203.0.113.77",
    )
    deliver_outbox()

    entry = Record.objects.get(action="member.removed")
    assert entry.actor == ben
    assert entry.address == "203.0.113.0/24"
    assert entry.request_id.startswith("req_")


def test_what_is_told_late_is_on_record_as_of_when_it_was_done(
    person: Person, deliver_outbox: Deliver
) -> None:
    erin, ben = person("erin"), person("ben")
    team = accounts.create_organisation("Northwind", owner=erin)
    owner = membership_of(erin, team)
    assert owner is not None
    place = accounts.add_member(team, user=ben)
    accounts.change_role(place, role=Membership.Role.ADMIN, by=owner)
    accounts.remove_member(place, by=owner)
    token, _secret = tokens.create_token(erin, name="laptop", scopes=["read"])
    tokens.revoke_token(token)
    # No worker was there for a night.
    for number, fact in enumerate(Fact.objects.order_by("pk")):
        at = datetime(2026, 5, 1, 22, number, 7, 120_000, tzinfo=UTC)
        Fact.objects.filter(pk=fact.pk).update(published_at=at)

    deliver_outbox()

    done = dict(Fact.objects.values_list("name", "published_at"))
    told = dict(Record.objects.values_list("action", "at"))
    assert told["member.added"] == done["MemberAdded"]
    assert told["member.role_changed"] == done["MemberRoleChanged"]
    assert told["member.removed"] == done["MemberRemoved"]
    assert told["token.created"] == done["AccessTokenCreated"]
    assert told["token.revoked"] == done["AccessTokenRevoked"]
    assert list(broken_records()) == []


def test_keys_are_on_record_without_their_secret(person: Person) -> None:
    ada = person("ada")
    key, secret = keys.create_key(personal_organisation(ada), name="CI", by=ada)
    keys.rotate_key(key, by=ada)
    keys.revoke_key(key, by=ada)
    keys.revoke_key(key, by=ada)

    assert actions() == ["key.created", "key.created", "key.rotated", "key.revoked"]
    assert secret not in str(list(Record.objects.values()))


def test_access_tokens_are_on_record(person: Person, deliver_outbox: Deliver) -> None:
    ada = person("ada")
    token, secret = tokens.create_token(ada, name="laptop", scopes=["read"])
    tokens.revoke_token(token)
    tokens.revoke_token(token)

    deliver_outbox()

    records = Record.objects.filter(action__startswith="token.").order_by("pk")
    assert [(entry.action, entry.target) for entry in records] == [
        ("token.created", str(token)),
        ("token.revoked", str(token)),
    ]
    assert {entry.organisation for entry in records} == {personal_organisation(ada)}
    assert secret not in str(list(records.values()))


def test_a_plan_given_and_taken_back_is_on_record(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, staff = person("ada"), person("staff", is_staff=True)
    deliver_outbox()
    own = personal_organisation(ada)
    grant = subscriptions.grant_plan(
        own, version=ensure_default_plans()["pro"], by=staff, reason="beta tester"
    )
    subscriptions.revoke_grant(grant, by=staff, reason="it is over")

    deliver_outbox()

    records = Record.objects.filter(organisation=own, action__startswith="plan.")
    assert [(entry.action, entry.actor) for entry in records.order_by("pk")] == [
        ("plan.granted", staff),
        ("plan.grant_revoked", staff),
        ("plan.changed", None),
        ("plan.changed", None),
    ]
    assert [
        entry.changes for entry in records.filter(action="plan.changed").order_by("pk")
    ] == [[("plan", "free → pro")], [("plan", "pro → free")]]


@pytest.mark.django_db(transaction=True)
def test_a_second_factor_switched_on_and_off_is_on_record(
    client: Client, person: Person
) -> None:
    ada = sign_in(client, person("ada"))
    client.post("/accounts/reauthenticate/", {"password": "correct horse"})
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    code = code_of(secret)

    client.post(
        "/accounts/2fa/totp/activate/", {"code": code}, REMOTE_ADDR="198.51.100.7"
    )
    client.post("/accounts/2fa/totp/deactivate/")

    records = Record.objects.order_by("pk")
    assert [(entry.action, entry.target) for entry in records[:2]] == [
        ("second_factor.added", "totp"),
        ("second_factor.added", "recovery_codes"),
    ]
    assert {(entry.action, entry.target) for entry in records[2:]} == {
        ("second_factor.removed", "totp"),
        ("second_factor.removed", "recovery_codes"),
    }
    assert {entry.organisation for entry in records} == {personal_organisation(ada)}
    assert records[0].address == "198.51.100.0/24"
    assert secret not in str(list(records.values()))


def test_a_password_changed_on_its_page_is_on_record(
    client: Client, person: Person
) -> None:
    ada = sign_in(client, person("ada"))

    answer = client.post(
        "/accounts/password/change/",
        {
            "oldpassword": "correct horse",
            "password1": "another battery staple",
            "password2": "another battery staple",
        },
    )

    assert answer.status_code == 302
    entry = Record.objects.get()
    assert (entry.action, entry.actor) == ("password.changed", ada)


def test_sign_ins_of_staff_are_on_record_and_nobody_elses(person: Person) -> None:
    sign_in(Client(), person("ada"))
    root = sign_in(Client(), person("root", is_staff=True))

    entry = Record.objects.get()
    assert (entry.action, entry.actor) == ("staff.signed_in", root)


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/console/{slug}/usage/log.csv", "usage.exported"),
        ("/console/{slug}/billing/invoices.csv", "invoices.exported"),
        ("/staff/conversion/people/?format=csv", "developers.exported"),
        ("/staff/conversion/visitors/?format=csv", "visitors.exported"),
    ],
)
def test_a_file_taken_away_is_on_record(
    client: Client, person: Person, path: str, action: str
) -> None:
    staff = person("staff", is_staff=True)
    client.force_login(staff)
    slug = personal_organisation(staff).slug

    answer = client.get(path.format(slug=slug))

    assert answer.status_code == 200
    assert Record.objects.get(action=action).actor == staff
