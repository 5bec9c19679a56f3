"""Staff give plans without payment in the browser, and take them back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import Organisation, User
from audit.models import Record
from billing.plans.services import ensure_default_plans
from billing.subscriptions import granting
from billing.subscriptions.exceptions import GrantIsOver
from billing.subscriptions.models import StaffGrant
from entitlements.features import FREE
from entitlements.queries import entitlements_for
from notifications.models import Notification
from tests.factories.billing import team_of
from tests.races import together

LIST = "/staff/grants/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def org(person: Callable[..., Any]) -> Organisation:
    return team_of(person("ada"))


@pytest.fixture
def boss(person: Callable[..., Any]) -> User:
    found: User = person("boss", is_staff=True)
    return found


@pytest.fixture
def staff(boss: User) -> Client:
    EmailAddress.objects.create(
        user=boss, email=boss.email, verified=True, primary=True
    )
    client = Client()
    client.post("/accounts/login/", {"login": boss.email, "password": "correct horse"})
    return client


def wish(org: Organisation, plan: str = "team", **fields: Any) -> dict[str, Any]:
    """Return the form as a browser sends it."""
    version = ensure_default_plans()[plan].pk
    usual = {"organisation": org.slug, "version": version, "seats": 5}
    return {**usual, "ends_on": "", "reason": "A pilot of a quarter", **fields}


def news_of(org: Organisation) -> list[str]:
    purse = org.memberships.get().user
    news = Notification.objects.filter(user=purse, kind="billing").order_by("pk")
    return [each.body for each in news]


def test_a_plan_is_given_in_the_browser_and_told_and_shown(
    staff: Client, org: Organisation, boss: User
) -> None:
    last_day = timezone.localdate() + timedelta(days=30)

    answer = staff.post(LIST, wish(org, "enterprise", seats=20, ends_on=last_day))

    grant = StaffGrant.objects.get()
    features = entitlements_for(org.pk)
    assert answer.status_code == 302, answer.context["form"].errors
    assert (features.plan, features.seats) == ("enterprise", 20)
    assert grant.ends_at is not None
    assert timezone.localtime(grant.ends_at).date() == last_day
    assert (grant.granted_by, grant.reason) == (boss, "A pilot of a quarter")
    (body,) = news_of(org)
    assert "Enterprise, without payment, until" in body
    assert "A pilot of a quarter" in body
    record = Record.objects.get(action="plan.granted")
    assert record.actor == boss
    assert record.after
    assert record.after["seats"] == 20
    assert "A pilot of a quarter" in staff.get(LIST).content.decode()
    buyer = Client()
    buyer.force_login(org.memberships.get().user)
    page = buyer.get(f"/console/{org.slug}/billing/").content.decode()
    assert "Given to you" in page
    assert "A pilot of a quarter" in page
    in_chinese = {"Accept-Language": "zh-Hans"}
    for part in ("billing/", "_plan/"):
        read = buyer.get(f"/console/{org.slug}/{part}", headers=in_chinese)
        assert "企业版" in read.content.decode()


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"organisation": "nobody"}, "organisation", "no such organisation"),
        ({"version": 0}, "version", "valid choice"),
        ({"seats": 0}, "seats", "greater than or equal to 1"),
        # Team begins with two.
        ({"seats": 1}, "seats", "This plan has 2 to"),
        ({"seats": 10**12}, "seats", "less than or equal to"),
        ({"ends_on": "2020-01-01"}, "ends_on", "today or a later day"),
        ({"ends_on": "soon"}, "ends_on", "valid date"),
        ({"reason": " "}, "reason", "required"),
        ({"reason": "x" * 201}, "reason", "at most 200"),
    ],
)
def test_a_wrong_wish_gives_nothing_and_loses_nothing(
    staff: Client, org: Organisation, wrong: dict[str, Any], field: str, said: str
) -> None:
    sent = wish(org, **wrong)

    answer = staff.post(LIST, sent)

    form = answer.context["form"]
    assert answer.status_code == 422
    assert said in str(form.errors[field])
    assert {name: form[name].value() for name in sent} == {
        name: str(value) for name, value in sent.items()
    }
    assert not StaffGrant.objects.exists()


def test_the_free_plan_and_what_is_retired_are_not_given(
    staff: Client, org: Organisation
) -> None:
    versions = ensure_default_plans()
    type(versions["pro"]).objects.filter(pk=versions["pro"].pk).update(
        retired_at=timezone.now()
    )

    offered = staff.get(LIST).context["form"].fields["version"].queryset

    assert {each.plan.key for each in offered} == {"team", "enterprise"}


def test_the_same_wish_twice_is_one_grant(staff: Client, org: Organisation) -> None:
    for _ in range(2):
        assert staff.post(LIST, wish(org)).status_code == 302

    assert StaffGrant.objects.count() == 1
    assert len(news_of(org)) == 1
    assert Record.objects.filter(action="plan.granted").count() == 1


def test_a_plan_is_taken_back_with_a_reason_that_is_told(
    staff: Client, org: Organisation
) -> None:
    staff.post(LIST, wish(org))
    grant = StaffGrant.objects.get()
    address = f"{LIST}{grant.pk}/"

    silent = staff.post(address, {"reason": ""})
    before = entitlements_for(org.pk).plan
    done = staff.post(address, {"reason": "The pilot is over"})
    again = staff.post(address, {"reason": "The pilot is over"})

    assert (silent.status_code, before) == (422, "team")
    assert (done.status_code, again.status_code) == (302, 302)
    assert entitlements_for(org.pk) == FREE
    assert "The pilot is over" in news_of(org)[-1]
    assert "goes on with the plan Community" in news_of(org)[-1]
    assert len(news_of(org)) == 2
    record = Record.objects.get(action="plan.grant_revoked")
    assert record.after == {"reason": "The pilot is over"}
    assert "Take the plan back" not in staff.get(address).content.decode()


def test_what_has_ended_is_not_taken_back(org: Organisation, boss: User) -> None:
    grant = granting.grant_plan(
        org, version=ensure_default_plans()["pro"], by=boss, reason="a pilot"
    )
    past = timezone.now() - timedelta(days=1)
    StaffGrant.objects.update(starts_at=past - timedelta(days=1), ends_at=past)

    with pytest.raises(GrantIsOver):
        granting.revoke_grant(grant, by=boss, reason="late")

    grant.refresh_from_db()
    assert (grant.revoked_at, grant.is_in_force) == (None, False)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_give_and_two_who_take_back_one_does(
    org: Organisation, boss: User
) -> None:
    version = ensure_default_plans()["pro"]

    def give() -> StaffGrant:
        return granting.grant_plan(org, version=version, by=boss, reason="a pilot")

    given = together(give, give)
    grant = StaffGrant.objects.get()
    taken = together(
        *[lambda: granting.revoke_grant(grant, by=boss, reason="over")] * 2
    )

    assert given == [grant, grant]
    assert sorted(type(each).__name__ for each in taken) == ["GrantIsOver", "NoneType"]
    assert Record.objects.filter(action="plan.grant_revoked").count() == 1


@pytest.mark.parametrize("ends_in", [None, timedelta(days=200)])
def test_the_list_and_the_page_say_when_a_plan_was_taken_back(
    staff: Client, org: Organisation, ends_in: timedelta | None
) -> None:
    now = timezone.now()
    grant = StaffGrant.objects.create(
        organisation=org,
        plan_version=ensure_default_plans()["pro"],
        reason="A pilot",
        starts_at=now - timedelta(days=90),
        ends_at=now + ends_in if ends_in else None,
        revoked_at=now - timedelta(days=40),
    )
    taken_back = date_format(now - timedelta(days=40), "DATE_FORMAT")

    for page in (LIST, f"{LIST}{grant.pk}/"):
        assert taken_back in staff.get(page).content.decode()


def test_the_list_asks_as_often_for_many(
    staff: Client, org: Organisation, boss: User
) -> None:
    version = ensure_default_plans()["pro"]
    staff.get(LIST)

    def give(count: int) -> None:
        for number in range(count):
            granting.grant_plan(
                org, version=version, by=boss, reason=f"pilot {number} of {count}"
            )

    give(1)
    with CaptureQueriesContext(connection) as few:
        staff.get(LIST)
    give(12)
    with CaptureQueriesContext(connection) as many:
        assert staff.get(LIST).content.decode().count("pilot ") >= 13

    assert len(many) == len(few)
