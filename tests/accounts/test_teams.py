"""Teams: roles, invitations, and at least one owner."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.exceptions import (
    AlreadyMember,
    InvitationInvalid,
    LastOwner,
    RoleTooHigh,
)
from accounts.models import Invitation, Membership, Organisation
from accounts.queries import personal_organisation
from tests.factories.accounts import with_seats
from tests.forms import confirm
from tests.signing_in import age_sign_in

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


@pytest.fixture
def erin(member: Person) -> Any:
    return member("erin")


@pytest.fixture
def team(erin: Any) -> Organisation:
    return with_seats(services.create_organisation("Northwind", owner=erin), 10)


def place(team: Organisation, user: Any) -> Membership:
    return team.memberships.get(user=user)


def test_everybody_has_a_space_of_their_own_that_takes_nobody_else(
    erin: Any, sign_in: Callable[..., Client]
) -> None:
    own = personal_organisation(erin)
    client = sign_in(erin)

    answer = client.post(
        f"/console/{own.slug}/members/", {"email": "x@example.test", "role": "member"}
    )

    assert (own.kind, place(own, erin).role) == ("personal", "owner")
    assert answer.status_code == 403
    assert Invitation.objects.count() == 0


def test_a_place_is_offered_only_after_a_recent_sign_in(
    team: Organisation, erin: Any, sign_in: Callable[..., Client]
) -> None:
    """As a role is given: whoever finds a forgotten screen must not become an owner."""
    client = sign_in(erin)
    age_sign_in(client, minutes=6)
    form = {"email": "ada@example.test", "role": "owner"}

    asked = client.post("/console/northwind/members/", form)
    offered_early = Invitation.objects.count()
    confirm(client, asked)

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert offered_early == 0
    assert Invitation.objects.get().role == "owner"


def test_somebody_is_invited_and_takes_the_place_once(
    team: Organisation, erin: Any, member: Person, sign_in: Callable[..., Client]
) -> None:
    sign_in(erin).post(
        "/console/northwind/members/", {"email": "ADA@example.test", "role": "admin"}
    )
    (message,) = mail.outbox
    found = re.search(r"http://testserver(/invitations/\S+)", str(message.body))
    assert found
    ada = member("ada")
    guest = sign_in(ada)

    shown = guest.get(found[1])
    joined = guest.post(found[1])
    again = guest.post(found[1])

    assert message.to == ["ada@example.test"]
    assert found[1].split("/")[2] not in str(Invitation.objects.values())
    assert shown.status_code == 200
    assert joined["Location"] == "/console/northwind/"
    assert again.status_code == 404
    assert place(team, ada).role == "admin"


def test_an_invitation_is_for_nobody_else_and_not_for_ever(
    team: Organisation, erin: Any, member: Person
) -> None:
    ada, ben = member("ada"), member("ben")
    _row, token = services.invite_member(
        team, email=ada.email, role="member", by=place(team, erin)
    )

    with pytest.raises(InvitationInvalid):
        services.accept_invitation(token, user=ben)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(InvitationInvalid):
        services.accept_invitation(token, user=ada)

    assert team.memberships.count() == 1


def test_a_withdrawn_or_replaced_invitation_is_void(
    team: Organisation, erin: Any, member: Person, sign_in: Callable[..., Client]
) -> None:
    ada = member("ada")
    me = place(team, erin)
    _first, old = services.invite_member(team, email=ada.email, role="member", by=me)
    second, new = services.invite_member(team, email=ada.email, role="member", by=me)

    sign_in(erin).post(f"/console/northwind/invitations/{second.pk}/withdraw/")

    for token in (old, new):
        with pytest.raises(InvitationInvalid):
            services.accept_invitation(token, user=ada)


def test_nobody_hands_out_or_takes_away_more_than_they_have(
    team: Organisation, erin: Any, member: Person
) -> None:
    ada, ben = member("ada"), member("ben")
    admin = services.add_member(team, user=ada, role="admin")
    services.add_member(team, user=ben)

    with pytest.raises(RoleTooHigh):
        services.invite_member(team, email="x@example.test", role="owner", by=admin)
    with pytest.raises(RoleTooHigh):
        services.change_role(place(team, ben), role="owner", by=admin)
    with pytest.raises(RoleTooHigh):
        services.change_role(place(team, erin), role="member", by=admin)
    with pytest.raises(RoleTooHigh):
        services.remove_member(place(team, erin), by=admin)

    assert (place(team, ben).role, place(team, erin).role) == ("member", "owner")


def test_the_last_owner_neither_leaves_nor_steps_down(
    team: Organisation, erin: Any, sign_in: Callable[..., Client]
) -> None:
    me = place(team, erin)

    with pytest.raises(LastOwner):
        services.change_role(me, role="member", by=me)
    answer = sign_in(erin).post(
        f"/console/northwind/members/{me.pk}/", {"remove": "1"}, follow=True
    )

    assert "needs at least one owner" in answer.text
    assert place(team, erin).role == "owner"


def test_a_member_may_leave(
    team: Organisation, member: Person, sign_in: Callable[..., Client]
) -> None:
    ada = member("ada")
    mine = services.add_member(team, user=ada)
    client = sign_in(ada)

    shown = client.get("/console/northwind/members/")
    answer = client.post(f"/console/northwind/members/{mine.pk}/", {"remove": "1"})

    assert "Leave" in shown.text
    assert answer["Location"] == "/console/"
    assert client.get("/console/northwind/").status_code == 404


def test_a_member_is_added_only_once(team: Organisation, member: Person) -> None:
    ada = member("ada")
    services.add_member(team, user=ada)

    with pytest.raises(AlreadyMember):
        services.add_member(team, user=ada, role="owner")

    assert place(team, ada).role == "member"


def test_the_list_of_members_costs_the_same_for_many(
    team: Organisation,
    erin: Any,
    person: Person,
    sign_in: Callable[..., Client],
    django_assert_max_num_queries: Any,
) -> None:
    client = sign_in(erin)
    for number in range(12):
        services.add_member(team, user=person(f"p{number}"))

    with django_assert_max_num_queries(16):
        assert client.get("/console/northwind/members/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_both_step_down_at_once(
    team: Organisation, erin: Any, member: Person
) -> None:
    ada = member("ada")
    services.add_member(team, user=ada, role="owner")
    start = threading.Barrier(2)
    refused: list[str] = []

    def step_down(user: Any) -> None:
        me = place(team, user)
        start.wait()
        try:
            services.change_role(me, role="member", by=me)
        except LastOwner:
            refused.append(user.username)
        finally:
            connection.close()

    threads = [threading.Thread(target=step_down, args=(who,)) for who in (erin, ada)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 1
    assert team.memberships.filter(role="owner").count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_invitation_is_taken_once_however_many_tabs_accept_it(
    team: Organisation, erin: Any, member: Person
) -> None:
    ada = member("ada")
    _row, token = services.invite_member(
        team, email=ada.email, role="member", by=place(team, erin)
    )
    start = threading.Barrier(5)
    taken: list[int] = []

    def accept() -> None:
        start.wait()
        try:
            taken.append(services.accept_invitation(token, user=ada).pk)
        except InvitationInvalid:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=accept) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 1
    assert team.memberships.filter(user=ada).count() == 1
