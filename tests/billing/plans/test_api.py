"""Plans and subscriptions over REST."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.services import add_member
from billing.plans.services import ensure_default_plans
from billing.subscriptions import mirror
from tests.factories.billing import default_price, fetched_subscription, team_of


@pytest.mark.django_db
def test_anybody_may_list_the_plans() -> None:
    ensure_default_plans()

    rows = Client().get("/api/v1/plans/").json()["results"]

    assert [row["key"] for row in rows] == ["free", "pro", "team", "enterprise"]
    assert rows[1]["prices"] == [
        {
            "interval": "month",
            "kind": "base",
            "currency": "usd",
            "unit_amount": 2000,
            "lookup_key": "pro_v1_month_usd",
        },
        {
            "interval": "year",
            "kind": "base",
            "currency": "usd",
            "unit_amount": 20000,
            "lookup_key": "pro_v1_year_usd",
        },
    ]
    assert rows[0]["features"]["premium_models"] is False


def test_a_member_reads_the_plan_and_only_the_purse_reads_the_subscription(
    person: Callable[..., Any],
) -> None:
    ada, ben, eve = person("ada"), person("ben"), person("eve")
    team = team_of(ada)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    copy = fetched_subscription(team, default_price("team"), quantity=3)
    mirror.apply_subscription(copy, fetched_at=timezone.now())
    url = f"/api/v1/organisations/{team.public_id}/subscription/"
    answers = {}
    for user in (ada, ben, eve):
        client = Client()
        client.force_login(user)
        answers[user.username] = client.get(url)

    mine = answers["ada"].json()
    assert (mine["plan"], mine["seats"], mine["status"]) == ("team", 3, "active")
    assert answers["ben"].status_code == 403
    assert answers["eve"].status_code == 404
    assert Client().get(url).status_code in {401, 403}
