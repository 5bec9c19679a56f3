"""Seats are counted: nobody comes in beyond those the plan has."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts import services
from accounts.exceptions import AlreadyMember, NoSeatLeft
from accounts.models import Invitation, Membership, Organisation
from accounts.seats import seats_of
from tests.factories.accounts import with_seats
from tests.races import together
from tests.test_house_rules import mistakes

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


@pytest.fixture
def erin(member: Person) -> Any:
    return member("erin")


@pytest.fixture
def team(erin: Any) -> Organisation:
    return with_seats(services.create_organisation("Northwind", owner=erin), 2)


def invite(team: Organisation, email: str) -> str:
    owner = team.memberships.get(role="owner")
    return services.invite_member(team, email=email, role="member", by=owner)[1]


def test_an_invitation_holds_a_seat(team: Organisation) -> None:
    invite(team, "ada@example.test")

    with pytest.raises(NoSeatLeft):
        invite(team, "ben@example.test")
    invite(team, "ada@example.test")

    assert [row.email for row in Invitation.objects.all()] == ["ada@example.test"]
    assert seats_of(team).are_full


def test_the_owner_sees_why_and_where_there_are_more(
    team: Organisation, sign_in: Callable[..., Client], erin: Any
) -> None:
    invite(team, "ada@example.test")
    client = sign_in(erin)

    answer = client.post(
        "/console/northwind/members/", {"email": "b@example.test", "role": "member"}
    )
    html = answer.content.decode()

    assert answer.status_code == 422
    assert "Every seat of the plan is taken." in html
    assert "2 of 2 seats are taken, open invitations included." in html
    assert 'href="/console/northwind/billing/"' in html
    assert (Invitation.objects.count(), mail.outbox) == (1, [])


def test_a_team_without_a_plan_has_the_free_plans_one_seat(erin: Any) -> None:
    team = services.create_organisation("Alone", owner=erin)

    with pytest.raises(NoSeatLeft):
        invite(team, "ada@example.test")


def test_with_fewer_seats_than_members_all_stay_and_nobody_new_enters(
    team: Organisation, member: Person, sign_in: Callable[..., Client]
) -> None:
    with_seats(team, 4)
    ada, ben = member("ada"), member("ben")
    services.accept_invitation(invite(team, ada.email), user=ada)
    promised = invite(team, ben.email)
    with_seats(team, 1)

    answer = sign_in(ben).post(f"/invitations/{promised}/")
    with pytest.raises(NoSeatLeft):
        invite(team, "x@example.test")

    assert answer.status_code == 409
    assert "Ask whoever invited you for one" in answer.content.decode()
    assert set(team.memberships.values_list("user__username", flat=True)) == {
        "erin",
        "ada",
    }
    # The place is there again with the seat.
    with_seats(team, 3)
    assert services.accept_invitation(promised, user=ben).organisation == team


def test_who_is_in_already_is_told_so_whatever_the_seats(
    team: Organisation, member: Person
) -> None:
    ada = member("ada")
    token = invite(team, ada.email)
    services.add_member(team, user=ada)

    with pytest.raises(AlreadyMember):
        services.accept_invitation(token, user=ada)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_come_for_the_last_seat_one_gets_it(
    team: Organisation, member: Person
) -> None:
    ada, ben = member("ada"), member("ben")
    with_seats(team, 3)
    first, second = invite(team, ada.email), invite(team, ben.email)
    with_seats(team, 2)

    found = together(
        lambda: services.accept_invitation(first, user=ada),
        lambda: services.accept_invitation(second, user=ben),
    )

    assert {type(each) for each in found} == {Membership, NoSeatLeft}
    assert team.memberships.count() == 2
    assert Invitation.objects.filter(accepted_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_invitations_at_once_do_not_promise_one_seat(team: Organisation) -> None:
    found = together(
        *(
            lambda email=f"p{number}@example.test": invite(team, email)
            for number in range(4)
        )
    )

    assert sum(isinstance(each, NoSeatLeft) for each in found) == 3
    assert Invitation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_seat_taken_back_and_a_place_taken_end_in_one_order(
    team: Organisation, member: Person
) -> None:
    ada = member("ada")
    token = invite(team, ada.email)

    together(
        lambda: with_seats(team, 1),
        lambda: services.accept_invitation(token, user=ada),
    )

    is_in = team.memberships.filter(user=ada).exists()
    assert seats_of(team).total == 1
    assert is_in is not Invitation.objects.filter(accepted_at=None).exists()


def test_there_is_no_other_way_in() -> None:
    """Places are made with a new organisation, by invitation and in the demo."""
    made = mistakes(
        r"Membership\.objects\.(create|get_or_create|bulk_create|update_or)"
    )
    called = mistakes(r"(?<!def )\badd_member\(")

    # The demo's many founders each get the place of who founded their own.
    assert {line.partition(":")[0] for line in made} == {
        "platform/accounts/services.py",
        "platform/demo/bulk.py",
    }
    assert {line.partition(":")[0] for line in called} == {
        "platform/accounts/services.py",
        "platform/demo/people.py",
        "platform/demo/launch.py",
    }
    source = inspect.getsource(services.accept_invitation)
    assert source.index("require_seat_to_take(") < source.index(" add_member(")
