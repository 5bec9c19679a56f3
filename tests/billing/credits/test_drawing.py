"""How usage is covered: to the billionth, in order, once, and back again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pgtrigger
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Organisation
from billing.credits.checks import CHECKS
from billing.credits.drawing import cover_everybody, cover_usage
from billing.credits.lines import credit_left
from billing.credits.models import (
    Coverage,
    CoveredUsage,
    CreditEntry,
    CreditGrant,
)
from billing.credits.services import expire_credit, withdraw_credit
from billing.credits.subscribers import cover_usage as hear
from billing.ledger.models import UsageCost
from billing.ledger.services import record_usage
from entitlements.features import Features
from entitlements.queries import credit_for
from entitlements.services import replace_for
from tests.factories.credits import credit_of, usage_of
from tests.races import together

pytestmark = pytest.mark.django_db
Kind = CreditGrant.Kind
ALLOWANCE = 100


@pytest.fixture
def acme(person: Callable[..., Any]) -> Organisation:
    """An organisation whose plan includes a hundred billionths."""
    organisation = Organisation.objects.get(owner=person("ada"))
    include(organisation, ALLOWANCE)
    return organisation


def include(organisation: Organisation, allowance: int) -> None:
    features = Features(monthly_allowance_nano=allowance)
    replace_for(organisation.pk, features, source="test")


def parts(organisation: Organisation) -> tuple[int, int, int]:
    """Return what the plan, credit and nothing covered of this month."""
    row = Coverage.objects.get(
        organisation=organisation, month=timezone.now().date().replace(day=1)
    )
    return row.from_allowance_nano, row.from_credit_nano, row.uncovered_nano


def left(grant: CreditGrant) -> int:
    grant.refresh_from_db()
    return grant.remaining_nano


def violations() -> list[str]:
    return [found for check in CHECKS for found in check()]


def limit_of(organisation: Organisation, allowance: int = ALLOWANCE) -> int:
    month = f"{timezone.now():%Y%m}"
    return credit_for(organisation.pk).most_of(month, allowance)


def test_the_plan_comes_first_then_credit_then_nothing(acme: Organisation) -> None:
    grant = credit_of(acme, 50)

    hear(usage_of(acme, 99))
    assert (parts(acme), left(grant)) == ((99, 0, 0), 50)
    hear(usage_of(acme, 31))
    assert (parts(acme), left(grant)) == ((100, 30, 0), 20)
    hear(usage_of(acme, 27))
    assert (parts(acme), left(grant)) == ((100, 50, 7), 0)
    assert violations() == []


def test_what_was_earned_goes_before_what_was_bought_and_what_ends_goes_first(
    acme: Organisation,
) -> None:
    soon, later = (timezone.now() + timedelta(days=days) for days in (1, 9))
    bought = credit_of(acme, 10, kind=Kind.BOUGHT)
    never = credit_of(acme, 10)
    ends_later = credit_of(acme, 10, expires_at=later)
    ends_soon = credit_of(acme, 10, expires_at=soon)
    earned = credit_of(acme, 10, kind=Kind.CONTRIBUTION)
    wanted = credit_of(acme, 10, kind=Kind.BOUGHT, priority=0)

    hear(usage_of(acme, ALLOWANCE + 55))

    order = CreditEntry.objects.filter(kind="used").order_by("pk")
    assert list(order.values_list("grant_id", "delta_nano")) == [
        (wanted.pk, -10),
        (earned.pk, -10),
        (ends_soon.pk, -10),
        (ends_later.pk, -10),
        (never.pk, -10),
        (bought.pk, -5),
    ]


def test_a_report_that_is_heard_twice_is_covered_once(acme: Organisation) -> None:
    credit_of(acme, 50)
    fact = usage_of(acme, 130)

    hear(fact)
    hear(fact)
    record_usage(fact)
    cover_everybody()

    assert parts(acme) == (100, 30, 0)
    assert UsageCost.objects.get().is_covered


def test_what_an_older_process_wrote_is_covered_with_the_next_look(
    acme: Organisation,
) -> None:
    record_usage(usage_of(acme, 40))
    assert not Coverage.objects.exists()

    assert cover_everybody() == 1
    assert cover_everybody() == 0

    assert parts(acme) == (40, 0, 0)


def test_a_correction_gives_back_in_the_opposite_order(acme: Organisation) -> None:
    first = credit_of(acme, 10, kind=Kind.CONTRIBUTION)
    last = credit_of(acme, 10, kind=Kind.BOUGHT)
    hear(usage_of(acme, 125))
    assert parts(acme) == (100, 20, 5)

    hear(usage_of(acme, -8))
    assert (parts(acme), left(first), left(last)) == ((100, 17, 0), 0, 3)
    hear(usage_of(acme, -12))
    assert (parts(acme), left(first), left(last)) == ((100, 5, 0), 5, 10)
    hear(usage_of(acme, -15))
    assert (parts(acme), left(first), left(last)) == ((90, 0, 0), 10, 10)
    hear(usage_of(acme, -90))
    assert parts(acme) == (0, 0, 0)
    assert violations() == []


@pytest.mark.parametrize("end", ["withdrawn", "expired"])
def test_what_comes_back_to_credit_that_has_ended_ends_again(
    acme: Organisation, end: str
) -> None:
    grant = credit_of(acme, 10, expires_at=timezone.now() + timedelta(hours=1))
    hear(usage_of(acme, ALLOWANCE + 6))
    if end == "withdrawn":
        withdraw_credit(grant.pk, key="w:1", reason="Given by mistake")
    else:
        long_ago = timezone.now() - timedelta(days=9)
        with pgtrigger.ignore("credits.CreditGrant:as_it_was_given"):
            CreditGrant.objects.update(
                granted_at=long_ago, expires_at=long_ago + timedelta(days=1)
            )
        assert expire_credit() == 1

    hear(usage_of(acme, -5))

    entries = CreditEntry.objects.filter(grant=grant).order_by("pk")
    assert list(entries.values_list("kind", "delta_nano")) == [
        ("granted", 10),
        ("used", -6),
        (end, -4),
        ("returned", 5),
        (end, -5),
    ]
    assert credit_left(acme.pk) == 0
    assert violations() == []


def test_usage_of_the_month_before_is_covered_by_that_month(
    acme: Organisation,
) -> None:
    now = timezone.now()
    before = now.replace(day=1) - timedelta(days=1)
    credit_of(acme, 50)
    hear(usage_of(acme, 90))

    hear(usage_of(acme, 110, at=before))

    rows = Coverage.objects.order_by("starts_at").values_list(
        "month", "from_allowance_nano", "from_credit_nano"
    )
    assert list(rows) == [
        (before.date().replace(day=1), 100, 10),
        (now.date().replace(day=1), 90, 0),
    ]
    assert limit_of(acme) == 100 + 40


def test_a_smaller_plan_takes_nothing_back_of_what_the_larger_covered(
    acme: Organisation,
) -> None:
    credit_of(acme, 50)
    hear(usage_of(acme, 80))
    include(acme, 10)

    assert limit_of(acme, 10) == 80 + 50
    hear(usage_of(acme, 20))

    assert parts(acme) == (80, 20, 0)
    assert limit_of(acme, 10) == 80 + 50


def test_a_larger_plan_covers_what_comes_after_it(acme: Organisation) -> None:
    grant = credit_of(acme, 50)
    hear(usage_of(acme, 120))
    include(acme, 200)
    hear(usage_of(acme, 90))

    assert (parts(acme), left(grant)) == ((190, 20, 0), 30)
    assert limit_of(acme, 200) == 200 + 20 + 30


def test_drawing_does_not_move_the_limit_and_an_end_does(acme: Organisation) -> None:
    grant = credit_of(acme, 50)
    assert limit_of(acme) == 150

    for added in (70, 60, 15, -20, 40):
        hear(usage_of(acme, added))
        # What ran while the last was spent is part of the month, and of its limit.
        assert limit_of(acme) == 150 + parts(acme)[2]

    assert parts(acme) == (100, 50, 15)
    more = credit_of(acme, 7)
    assert limit_of(acme) == 165 + 7
    withdraw_credit(more.pk, key="w:2", reason="Given by mistake")
    assert limit_of(acme) == 165
    assert left(grant) == 0


def test_another_month_has_what_is_left_and_nothing_of_this_ones(
    acme: Organisation,
) -> None:
    credit_of(acme, 50)
    hear(usage_of(acme, 130))

    assert credit_for(acme.pk).most_of("299901", ALLOWANCE) == 100 + 20


def test_others_credit_is_not_drawn(
    acme: Organisation, person: Callable[..., Any]
) -> None:
    other = credit_of(Organisation.objects.get(owner=person("ben")), 50)

    hear(usage_of(acme, 130))

    assert (parts(acme), left(other)) == ((100, 0, 30), 50)


def test_drawing_costs_as_many_queries_with_thirty_rows_as_with_three(
    acme: Organisation, django_assert_max_num_queries: Any
) -> None:
    credit_of(acme, 500)
    for _ in range(30):
        record_usage(usage_of(acme, 10))

    with django_assert_max_num_queries(30):
        cover_usage(acme.pk)

    assert parts(acme) == (100, 200, 0)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_debits_of_ten_at_once_a_hundred_covers_ten(
    acme: Organisation,
) -> None:
    include(acme, 0)
    grant = credit_of(acme, 100)
    facts = [usage_of(acme, 10) for _ in range(50)]

    came = together(*(partial(hear, fact) for fact in facts))

    assert came == [None] * 50
    drawn = CreditEntry.objects.filter(kind="used")
    assert sum(-entry.delta_nano for entry in drawn) == 100
    assert (parts(acme), left(grant)) == ((0, 100, 400), 0)
    assert violations() == []


@pytest.mark.django_db(transaction=True)
def test_what_is_drawn_and_taken_back_at_once_is_gone_once(acme: Organisation) -> None:
    include(acme, 0)
    grant = credit_of(acme, 100)

    came = together(
        partial(hear, usage_of(acme, 60)),
        partial(withdraw_credit, grant.pk, key="w:3", reason="Given by mistake"),
    )

    covered = parts(acme)[1]
    assert covered + came[1] == 100
    assert left(grant) == 0
    assert violations() == []


class Model:
    """What must come of it, in a few lines: one grant after the other."""

    def __init__(self) -> None:
        self.grants: list[list[int]] = []
        self.parts = [0, 0, 0]

    def use(self, amount: int) -> None:
        for _ in range(amount):
            if self.parts[0] < ALLOWANCE:
                self.parts[0] += 1
            elif any(each[2] for each in self.grants):
                grant = min(each for each in self.grants if each[2])
                grant[2] -= 1
                self.parts[1] += 1
            else:
                self.parts[2] += 1


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("use"), st.integers(1, 90)),
        st.tuples(st.just("grant"), st.integers(1, 60), st.integers(0, 3)),
    ),
    max_size=12,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=ACTS)
def test_any_story_of_credit_and_usage_comes_to_what_counting_by_ones_comes_to(
    acme: Organisation, acts: list[tuple[Any, ...]]
) -> None:
    month = date(2031, 1, 1)
    at = datetime(2031, 1, 9, tzinfo=UTC)
    with pgtrigger.ignore("credits.CoveredUsage:kept"):
        CoveredUsage.objects.all().delete()
    UsageCost.objects.all().delete()
    Coverage.objects.all().delete()
    for old in CreditGrant.objects.left():
        withdraw_credit(old.pk, key=f"end:{old.pk}", reason="The story is over")
    model, used = Model(), 0

    for act in acts:
        if act[0] == "use":
            fact = replace(usage_of(acme, act[1]), window=at.isoformat())
            hear(fact)
            model.use(act[1])
            used += act[1]
        else:
            grant = credit_of(acme, act[1], priority=act[2])
            model.grants.append([act[2], grant.pk, act[1]])

    row = Coverage.objects.filter(organisation=acme, month=month).first()
    found = (
        [row.from_allowance_nano, row.from_credit_nano, row.uncovered_nano]
        if row
        else [0, 0, 0]
    )
    assert found == model.parts
    assert sum(found) == used
    for _priority, pk, remaining in model.grants:
        assert CreditGrant.objects.get(pk=pk).remaining_nano == remaining


def test_nothing_is_left_to_expire_of_what_was_used(acme: Organisation) -> None:
    ends_at = timezone.now() + timedelta(hours=1)
    grant = credit_of(acme, 10, expires_at=ends_at)
    hear(usage_of(acme, ALLOWANCE + 10))

    assert expire_credit(now=ends_at + timedelta(days=1)) == 0
    assert left(grant) == 0
