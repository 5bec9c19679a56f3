"""What holds an account open, and where to settle it first."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Membership
from accounts.queries import personal_organisation
from billing.credits.models import CreditGrant
from billing.ledger.models import Invoice
from core.money import NANO
from privacy import services
from privacy.exceptions import AccountHeld
from privacy.models import Closing
from privacy.registry import find_obstacles
from tests.factories.accounts import with_seats
from tests.factories.billing import paid_invoice_of
from tests.factories.credits import credit_of
from tests.factories.privacy import subscription_of
from tests.signing_in import browser_of

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
PAGE = "/settings/close/"


def held(user: Any) -> list[tuple[str, str]]:
    with pytest.raises(AccountHeld) as refusal:
        services.close_account(user)
    user.refresh_from_db()
    assert user.closes_at is None
    assert not Closing.objects.exists()
    return [(each.reason, each.url) for each in refusal.value.obstacles]


def test_the_only_owner_of_others_stays_and_is_led_to_the_members(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    team = with_seats(accounts.create_organisation("Northwind", owner=ada), 5)
    place = accounts.add_member(team, user=ben)

    ((reason, url),) = held(ada)
    assert "Northwind" in reason
    assert url == "/console/northwind/members/"

    mine = team.memberships.get(user=ada)
    accounts.change_role(place, role=Membership.Role.OWNER, by=mine)
    assert services.close_account(ada)


def test_a_team_of_one_is_no_obstacle_but_its_money_is(person: Person) -> None:
    ada = person("ada")
    team = accounts.create_organisation("Alone", owner=ada)
    assert find_obstacles(ada) == []

    row = subscription_of(team)
    ((reason, url),) = held(ada)
    assert "Alone" in reason
    assert "Cancel it" in reason
    assert url == "/console/alone/billing/"
    row.cancel_at_period_end = True
    row.period_end = timezone.now()
    row.save()
    ((reason, _url),) = held(ada)
    assert "not come to its end" in reason
    row.status = "canceled"
    row.save()
    assert find_obstacles(ada) == []


def test_the_money_of_a_team_with_another_owner_is_the_others(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    team = with_seats(accounts.create_organisation("Northwind", owner=ben), 5)
    accounts.add_member(team, user=ada, role=Membership.Role.OWNER)
    subscription_of(team)

    assert find_obstacles(ada) == []


def test_an_open_invoice_and_bought_credit_hold_an_account(person: Person) -> None:
    ada = person("ada")
    mine = personal_organisation(ada)
    invoice = paid_invoice_of(mine)
    credit_of(mine, 3 * NANO)
    assert find_obstacles(ada) == []

    Invoice.objects.filter(pk=invoice.pk).update(
        status="open", paid_at=None, amount_due=2_000, number="DS-7"
    )
    ((reason, url),) = held(ada)
    assert "DS-7" in reason
    assert url == f"/console/{mine.slug}/billing/"
    Invoice.objects.filter(pk=invoice.pk).update(status="void")
    credit_of(mine, 5 * NANO, kind=CreditGrant.Kind.BOUGHT)
    ((reason, url),) = held(ada)
    assert "$5.00" in reason
    assert url == f"/console/{mine.slug}/credit/"


@pytest.mark.parametrize("role", ["is_staff", "is_moderator"])
def test_who_has_power_has_it_taken_first(person: Person, role: str) -> None:
    ((reason, _url),) = held(person("ada", **{role: True}))

    assert "staff" in reason


def test_what_stands_in_the_way_is_on_the_page_before_and_after(
    person: Person,
) -> None:
    ada = person("ada")
    subscription_of(personal_organisation(ada))
    browser = browser_of(ada)

    page = browser.get(PAGE).content.decode()
    assert "First settle this" in page
    assert 'href="/console/ada/billing/"' in page
    assert 'name="username"' not in page
    sent = browser.post(PAGE, {"username": "ada"})
    assert sent.status_code == 409
    assert 'value="ada"' in sent.content.decode()
