"""Roles with power need a second factor: who, from when, and what happens without."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import services, tokens
from accounts.models import Organisation, User
from accounts.second_factor import is_overdue, require_second_factor
from community.forum.models import Topic
from core.crypto import encrypt
from tests.factories import forum
from tests.forms import Field, Form, form_of

pytestmark = pytest.mark.django_db
Member = Callable[..., Any]
SETUP = "/settings/second-factor/"


def enrol(user: Any, kind: str = "totp") -> Authenticator:
    seed = {"secret": encrypt("JBSWY3DPEHPK3PXP")} if kind == "totp" else {}
    return Authenticator.objects.create(user=user, type=kind, data=seed)


def let_days_pass(user: Any, days: int = 8) -> None:
    User.objects.filter(pk=user.pk).update(
        second_factor_since=timezone.now() - timedelta(days=days)
    )
    user.refresh_from_db()


@pytest.fixture
def staff(member: Member) -> Any:
    return member("staff", is_staff=True)


def inside(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_days_begin_with_the_first_role_and_end_with_the_last(
    member: Member,
) -> None:
    erin, ada = member("erin"), member("ada")
    assert ada.second_factor_since is None
    team = services.create_organisation("Northwind", owner=erin)
    mine = team.memberships.get(user=erin)

    place = services.add_member(team, user=ada, role="member")
    assert User.objects.get(pk=ada.pk).second_factor_since is None
    services.change_role(place, role="billing", by=mine)
    began = User.objects.get(pk=ada.pk).second_factor_since
    assert began is not None
    services.change_role(place, role="owner", by=mine)
    assert User.objects.get(pk=ada.pk).second_factor_since == began
    services.change_role(place, role="admin", by=mine)

    assert User.objects.get(pk=ada.pk).second_factor_since is None
    assert User.objects.get(pk=erin.pk).second_factor_since is not None
    services.change_role(place, role="billing", by=mine)
    services.remove_member(place, by=mine)
    assert User.objects.get(pk=ada.pk).second_factor_since is None


def test_staff_made_by_hand_are_not_forgotten(member: Member) -> None:
    ada = member("ada")
    User.objects.filter(pk=ada.pk).update(is_staff=True)

    inside(ada).get("/")

    ada.refresh_from_db()
    assert ada.second_factor_since is not None


def test_a_person_alone_may_choose(member: Member) -> None:
    ada = member("ada")

    shown = inside(ada).get(SETUP)

    assert not is_overdue(ada)
    assert "not required of you" in shown.text


def test_during_the_days_a_banner_says_until_when_and_everything_works(
    staff: Any,
) -> None:
    let_days_pass(staff, days=2)
    client = inside(staff)

    page = client.get("/staff/operations/")

    assert page.status_code == 200
    assert f'href="{SETUP}"' in page.text
    enrol(staff)
    assert f'href="{SETUP}"' not in client.get("/staff/operations/").text


@pytest.mark.parametrize("path", ["/staff/operations/", "/", "/forum/", "/admin/"])
def test_afterwards_every_page_leads_to_setting_it_up(path: str, staff: Any) -> None:
    let_days_pass(staff)

    answer = inside(staff).get(path, follow=True)

    assert answer.redirect_chain == [(SETUP, 302)]
    assert "/accounts/2fa/totp/activate/" in answer.text


@pytest.mark.parametrize(
    "path",
    [SETUP, "/accounts/2fa/", "/accounts/email/", "/accounts/sessions/", "/healthz"],
)
def test_ones_own_account_stays_open(path: str, staff: Any) -> None:
    let_days_pass(staff)

    assert inside(staff).get(path).status_code == 200


def test_the_days_are_those_of_the_setting(staff: Any, settings: Any) -> None:
    let_days_pass(staff, days=0)
    assert not is_overdue(staff)

    settings.SECOND_FACTOR_GRACE_DAYS = 0
    assert is_overdue(staff)
    settings.SECOND_FACTOR_REQUIRED = False
    assert not is_overdue(staff)


@pytest.mark.parametrize(
    ("kind", "is_enough"),
    [("totp", True), ("webauthn", True), ("recovery_codes", False)],
)
def test_an_app_or_a_passkey_opens_the_door_and_old_codes_do_not(
    kind: str, is_enough: bool, staff: Any
) -> None:
    let_days_pass(staff)
    enrol(staff, kind)

    answer = inside(staff).get("/staff/operations/")

    assert answer.status_code == (200 if is_enough else 302)


@pytest.mark.parametrize("role", ["owner", "billing"])
def test_a_team_is_closed_to_its_owner_and_its_billing_alike(
    role: str, member: Member
) -> None:
    team = services.create_organisation("Northwind", owner=member("founder"))
    ada = member("ada")
    services.add_member(team, user=ada, role=role)
    let_days_pass(ada)

    answer = inside(ada).get("/console/northwind/billing/")

    assert answer["Location"] == SETUP


@pytest.mark.parametrize("role", ["admin", "member"])
def test_other_roles_are_asked_for_nothing(role: str, member: Member) -> None:
    team = services.create_organisation("Northwind", owner=member("founder"))
    ada = member("ada")
    services.add_member(team, user=ada, role=role)
    let_days_pass(ada)
    require_second_factor(ada)

    assert inside(ada).get("/console/northwind/").status_code == 200


def test_what_was_typed_is_given_back_and_nothing_is_done(staff: Any) -> None:
    let_days_pass(staff)
    typed = {
        "title": "A long title",
        "body": "Hours of <b>work</b>",
        "password": "s3cr",
    }

    answer = inside(staff).post("/forum/new/", typed)

    assert answer.status_code == 403
    assert "Hours of &lt;b&gt;work&lt;/b&gt;" in answer.text
    assert "A long title" in answer.text
    assert "s3cr" not in answer.text
    assert Topic.objects.count() == 0


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ("/forum/new/", "title"),
        ("/settings/profile/", "bio"),
        ("/settings/tokens/", "scopes"),
        ("/console/staff/keys/", "networks"),
        ("/staff/credit/", "amount"),
        ("/staff/grants/", "seats"),
        ("/messages/new/", "text"),
    ],
)
def test_all_that_was_typed_is_given_back_and_nothing_that_was_chosen(
    page: str, field: str, staff: Any
) -> None:
    forum.category()
    client = inside(staff)
    form = form_of(client.get(page).content.decode(), field)
    typed = {each.name: f"7{number}7" for number, each in enumerate(texts_of(form))}
    let_days_pass(staff)

    answer = client.post(form.action or page, form.values | typed)

    assert answer.status_code == 403
    assert {each.field: each.text for each in answer.context["sent"]} == typed
    assert len(typed) >= 1


def test_what_the_page_had_filled_in_is_not_given_back(staff: Any) -> None:
    forum.category()
    client = inside(staff)
    form = form_of(client.get("/forum/new/").content.decode(), "title")
    let_days_pass(staff)

    as_it_was = client.post("/forum/new/", form.values)
    changed = client.post("/forum/new/", form.values | {"poll_most": "3"})

    assert form.values["poll_most"] == "1"
    assert as_it_was.context["sent"] == []
    assert [each[::2] for each in changed.context["sent"]] == [("poll_most", "3")]


def test_what_was_typed_is_named_as_on_its_page(staff: Any) -> None:
    client = inside(staff)
    form = form_of(client.get("/settings/profile/").content.decode(), "display_name")
    let_days_pass(staff)

    answer = client.post("/settings/profile/", form.values | {"display_name": "Ada L."})

    labels = {each.field: each.label for each in answer.context["sent"]}
    assert labels["display_name"] == "Name"
    assert '<span class="field__label">Name</span>' in answer.content.decode()
    assert ">display_name<" not in answer.content.decode()


def texts_of(form: Form) -> list[Field]:
    """Return the controls of a form that somebody types into."""
    chosen = {"hidden", "checkbox", "radio", "select", "submit", "password"}
    return [each for each in form.fields if each.kind not in chosen]


def test_a_piece_of_a_page_is_left_as_it_is(staff: Any) -> None:
    let_days_pass(staff)

    answer = inside(staff).get(
        "/notifications/_unread/", headers={"HX-Request": "true"}
    )

    assert (answer.status_code, answer.content) == (204, b"")


def test_programs_are_told_by_name(staff: Any) -> None:
    let_days_pass(staff)
    _row, secret = tokens.create_token(staff, name="ci", scopes=["read"])

    by_token = Client().get(
        "/api/v1/topics/", headers={"authorization": f"Bearer {secret}"}
    )
    by_session = inside(staff).get("/api/v1/topics/")

    for answer in (by_token, by_session):
        assert answer.status_code == 403
        assert answer.json()["code"] == "second_factor_required"
    enrol(staff)
    again = Client().get(
        "/api/v1/topics/", headers={"authorization": f"Bearer {secret}"}
    )
    assert again.status_code == 200


def test_it_costs_most_people_no_query(
    member: Member, django_assert_num_queries: Any
) -> None:
    ada = member("ada")

    with django_assert_num_queries(0):
        assert not is_overdue(ada)


def test_whoever_has_a_role_at_the_upgrade_gets_the_days_from_then(
    member: Member,
) -> None:
    erin, ada, root = member("erin"), member("ada"), member("root", is_staff=True)
    services.create_organisation("Northwind", owner=erin)
    User.objects.update(second_factor_since=None)
    migration = import_module("accounts.migrations.0006_second_factor_from_the_upgrade")

    migration.begin(apps, None)

    since = dict(User.objects.values_list("username", "second_factor_since"))
    assert since["ada"] is None
    assert since["erin"] == since["root"] is not None
    assert Organisation.objects.filter(owner=ada).exists()
    assert root.is_staff


def test_the_operator_lets_somebody_in_who_lost_their_phone(staff: Any) -> None:
    enrol(staff)
    client = Client()
    client.force_login(staff)
    client.get("/")

    call_command("remove_second_factor", staff.email.upper())

    assert not Authenticator.objects.filter(user=staff).exists()
    assert client.get("/settings/profile/").status_code == 302
