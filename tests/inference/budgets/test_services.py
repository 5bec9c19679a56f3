"""Budgets set, and told of once: each share, each month, each limit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from audit.models import Record
from inference.budgets import tasks
from inference.budgets.exceptions import UnknownTarget
from inference.budgets.models import Budget, BudgetAlert, BudgetLook
from inference.budgets.queries import budget_lines
from inference.budgets.services import check_budgets, set_budget
from inference.keys.models import ApiKey, Project
from inference.keys.services import create_project
from inference.usage.corrections import correct_usage
from notifications.models import Notification
from outbox.models import Event
from tests.factories.accounts import with_seats
from tests.factories.inference import key_of, offered_model, used
from tests.races import together

pytestmark = pytest.mark.django_db


@dataclass
class Team:
    """A team, its people, and a key of each that works for one project."""

    organisation: Organisation
    ada: User
    ben: User
    project: Project
    of_ada: ApiKey
    of_ben: ApiKey

    def set(self, target: str, limit: int | None, *, is_hard: bool = True) -> None:
        set_budget(
            self.organisation, target, limit_nano=limit, is_hard=is_hard, by=self.ada
        )

    def use(self, price: int, key: ApiKey | None = None, **fields: Any) -> Any:
        key = key or self.of_ada
        return used(self.organisation, key, price_nano=price, **fields)


@pytest.fixture
def team(person: Callable[..., Any]) -> Team:
    ada, ben = person("ada"), person("ben")
    organisation = with_seats(create_organisation("Acme", owner=ada), 5)
    add_member(organisation, user=ben, role=Membership.Role.MEMBER)
    add_member(organisation, user=person("bill"), role=Membership.Role.BILLING)
    project = create_project(organisation, name="Site", monthly_limit_nano=None, by=ada)
    return Team(
        organisation,
        ada,
        ben,
        project,
        key_of(organisation, ada, project=project),
        key_of(organisation, ben, project=project),
    )


def alerts() -> list[tuple[str, int]]:
    rows = BudgetAlert.objects.order_by("pk")
    return list(rows.values_list("scope", "percent"))


def titles(name: str) -> list[str]:
    rows = Notification.objects.filter(user__username=name).order_by("pk")
    return list(rows.values_list("title", flat=True))


def test_each_kind_of_budget_counts_what_is_its_own(team: Team) -> None:
    targets = {
        "organisation": 1000,
        f"project:{team.project.public_id}": 500,
        f"key:{team.of_ada.public_id}": 200,
        "member:ben": 300,
    }
    for target, limit in targets.items():
        team.set(target, limit)
    team.use(100)
    team.use(30, team.of_ben)
    used(team.organisation, price_nano=7)
    team.use(900, at=timezone.now().replace(day=1) - timedelta(days=1))

    lines = budget_lines(team.organisation)

    assert {line.target: (line.limit_nano, line.spent_nano) for line in lines} == {
        "organisation": (1000, 137),
        f"project:{team.project.public_id}": (500, 130),
        f"key:{team.of_ada.public_id}": (200, 100),
        "member:ben": (300, 30),
    }
    assert [line.percent for line in lines] == [13, 26, 50, 10]


def test_a_budget_is_changed_and_taken_away_on_record(team: Team) -> None:
    team.set("organisation", 1000)
    team.set("organisation", 2000, is_hard=False)
    budget = Budget.objects.get()
    assert (budget.limit_nano, budget.is_hard) == (2000, False)
    team.set("organisation", None)

    assert not Budget.objects.exists()
    records = Record.objects.filter(action__startswith="budget.").order_by("pk")
    assert [(each.action, (each.before or {})["limit_nano"]) for each in records] == [
        ("budget.set", 0),
        ("budget.set", 1000),
        ("budget.removed", 2000),
    ]


@pytest.mark.parametrize(
    "target", ["", "nobody", "member:zoe", "key:key_x", "project:"]
)
def test_what_is_not_the_organisations_has_no_budget(team: Team, target: str) -> None:
    with pytest.raises(UnknownTarget):
        team.set(target, 5)

    assert not Budget.objects.exists()


def test_another_organisations_key_is_not_ones_own(
    team: Team, person: Callable[..., Any]
) -> None:
    zoe = person("zoe")
    other = key_of(create_organisation("Other", owner=zoe), zoe)

    with pytest.raises(UnknownTarget):
        team.set(f"key:{other.public_id}", 5)

    other.refresh_from_db()
    assert other.monthly_limit_nano is None


def test_each_share_is_told_once_and_of_two_at_once_the_higher(team: Team) -> None:
    team.set("organisation", 1000)
    team.use(499)
    assert check_budgets() == 0
    team.use(1)
    assert check_budgets() == 1
    assert check_budgets() == 0
    team.use(1)
    assert check_budgets() == 0
    team.use(600)
    assert check_budgets() == 2
    tasks.check_budgets()

    assert alerts() == [
        ("organisation", 50),
        ("organisation", 80),
        ("organisation", 100),
    ]
    assert (
        titles("ada")
        == titles("bill")
        == [
            "Acme has used 50 % of its budget",
            "Acme has used 100 % of its budget",
        ]
    )
    assert titles("ben") == []
    facts = Event.objects.filter(name="BudgetReached").order_by("pk")
    assert [fact.payload["percent"] for fact in facts] == [50, 80, 100]


def test_a_member_hears_of_their_own_budget(team: Team) -> None:
    team.set("member:ben", 100)
    team.use(85, team.of_ben)

    assert check_budgets() == 2

    assert titles("ben") == titles("ada") == ["ben (Acme): 80 % of the budget"]
    assert "$0.0" not in Notification.objects.filter(user=team.ben).get().title


def test_a_limit_of_a_key_that_was_there_before_is_told_of_as_well(
    team: Team,
) -> None:
    ApiKey.objects.filter(pk=team.of_ada.pk).update(monthly_limit_nano=100)
    team.use(50)

    assert check_budgets() == 1
    assert alerts() == [("key", 50)]


def test_another_limit_is_another_budget_and_a_correction_arms_nothing_again(
    team: Team,
) -> None:
    model = offered_model()
    version = model.prices.get()
    team.set("organisation", 400_000)
    call = team.use(200_000, price_version_id=version.pk)
    assert check_budgets() == 1
    correct_usage(call, tokens_in=1, tokens_out=1, reason="Counted twice")
    assert check_budgets() == 0
    team.use(200_000)
    assert check_budgets() == 0

    team.set("organisation", 250_000)
    assert check_budgets() == 2
    team.set("organisation", 400_000)
    assert check_budgets() == 0


def test_an_organisation_that_used_nothing_since_is_not_looked_at(
    team: Team, django_assert_num_queries: Any
) -> None:
    team.set("organisation", 1000)
    team.use(10)
    check_budgets()
    assert BudgetLook.objects.get().price_nano == 10

    with django_assert_num_queries(2):
        check_budgets()


def test_lines_cost_as_many_queries_for_many_keys_as_for_two(
    team: Team, django_assert_num_queries: Any
) -> None:
    team.set("organisation", 1000)
    for _ in range(20):
        key = key_of(team.organisation, team.ada, monthly_limit_nano=5)
        team.use(1, key)

    with django_assert_num_queries(6):
        lines = budget_lines(team.organisation)

    assert len(lines) == 21


@pytest.mark.django_db(transaction=True)
def test_of_four_looks_at_once_one_tells(team: Team) -> None:
    team.set("organisation", 100)
    team.use(100)

    came = together(*(check_budgets for _ in range(4)))

    assert sorted(came) == [0, 0, 0, 3]
    assert alerts() == [("organisation", each) for each in (50, 80, 100)]
    assert Notification.objects.filter(user=team.ada).get().count == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_set_the_same_budget_the_last_one_stays(team: Team) -> None:
    came = together(
        partial(team.set, "member:ben", 100), partial(team.set, "member:ben", 200)
    )

    assert came == [None, None]
    last = Record.objects.filter(action="budget.set").order_by("-pk")[0]
    assert Budget.objects.get().limit_nano == (last.after or {})["limit_nano"]


def test_the_database_keeps_one_budget_each_and_none_of_nothing(team: Team) -> None:
    Budget.objects.create(organisation=team.organisation, limit_nano=5)

    for limit, member in ((5, None), (0, team.ben), (-1, team.ben)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Budget.objects.create(
                organisation=team.organisation, member=member, limit_nano=limit
            )
