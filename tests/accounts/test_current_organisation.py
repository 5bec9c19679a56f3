"""One organisation somebody works in, on every page and every device."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import services
from accounts.models import Membership
from accounts.queries import current_organisation, personal_organisation
from tests.factories.accounts import with_seats

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_it_is_their_own_until_they_join_a_team(person: Person) -> None:
    ada, erin = person("ada"), person("erin")
    team = services.create_organisation("Northwind", owner=erin)

    assert current_organisation(ada) == personal_organisation(ada)

    services.add_member(team, user=ada)
    assert current_organisation(ada) == team


def test_the_founder_of_a_team_works_in_it(person: Person) -> None:
    erin = person("erin")
    team = services.create_organisation("Northwind", owner=erin)

    answer = signed_in(erin).get("/console/")

    assert answer["Location"] == f"/console/{team.slug}/"


def test_opening_a_console_page_chooses_its_organisation(person: Person) -> None:
    erin = person("erin")
    services.create_organisation("Northwind", owner=erin)
    own = personal_organisation(erin)

    signed_in(erin).get(f"/console/{own.slug}/")

    # Another browser, another day.
    assert signed_in(erin).get("/console/")["Location"] == f"/console/{own.slug}/"


def test_a_page_that_was_left_open_does_not_choose_again(person: Person) -> None:
    """Its parts ask by themselves; the person works in another tab by then."""
    erin = person("erin")
    team = services.create_organisation("Northwind", owner=erin)
    own = personal_organisation(erin)
    browser = signed_in(erin)
    browser.get(f"/console/{team.slug}/")
    browser.get(f"/console/{own.slug}/")

    assert browser.get(f"/console/{team.slug}/_steps/").status_code == 200

    assert browser.get("/console/")["Location"] == f"/console/{own.slug}/"


def test_staff_who_look_at_an_organisation_do_not_work_in_it(person: Person) -> None:
    erin, staff = person("erin"), person("staff", is_staff=True)
    team = services.create_organisation("Northwind", owner=erin)

    assert signed_in(staff).get(f"/console/{team.slug}/").status_code == 200

    staff.refresh_from_db()
    assert current_organisation(staff) == personal_organisation(staff)


def test_who_is_taken_out_of_it_works_elsewhere(person: Person) -> None:
    ada, erin = person("ada"), person("erin")
    team = services.create_organisation("Northwind", owner=erin)
    services.add_member(team, user=ada)
    services.choose_organisation(ada, team)

    services.remove_member(Membership.objects.get(user=ada, organisation=team))

    ada.refresh_from_db()
    assert current_organisation(ada) == personal_organisation(ada)


def test_an_accepted_invitation_leads_into_its_team(person: Person) -> None:
    ada, erin = person("ada"), person("erin")
    team = with_seats(services.create_organisation("Northwind", owner=erin), 2)
    owner = Membership.objects.get(user=erin, organisation=team)
    _row, token = services.invite_member(team, email=ada.email, role="member", by=owner)

    services.accept_invitation(token, user=ada)

    ada.refresh_from_db()
    assert ada.current_organisation == team


@pytest.mark.parametrize("page", ["keys/", "usage/", "billing/"])
def test_a_link_for_everybody_leads_to_their_own_page(
    person: Person, page: str
) -> None:
    erin = person("erin")
    team = services.create_organisation("Northwind", owner=erin)

    answer = signed_in(erin).get(f"/console/-/{page}?from=mail")

    assert answer["Location"] == f"/console/{team.slug}/{page}?from=mail"


@pytest.mark.parametrize("page", ["nothing/", "../../staff/", "keys/%00"])
def test_such_a_link_to_a_page_that_does_not_exist_is_404(
    person: Person, page: str
) -> None:
    assert signed_in(person("ada")).get(f"/console/-/{page}").status_code == 404


def test_no_organisation_is_chosen_by_a_stranger(person: Person) -> None:
    ada, erin = person("ada"), person("erin")
    team = services.create_organisation("Northwind", owner=erin)

    assert signed_in(ada).get(f"/console/{team.slug}/").status_code == 404
    services.choose_organisation(ada, team)

    ada.refresh_from_db()
    assert ada.current_organisation is None


def test_choosing_again_asks_the_database_nothing(
    person: Person, django_assert_num_queries: Any
) -> None:
    erin = person("erin")
    team = services.create_organisation("Northwind", owner=erin)

    with django_assert_num_queries(0):
        services.choose_organisation(erin, team)
