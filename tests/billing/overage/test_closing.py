"""A period is closed once, and its lines sum to the ledger, to the billionth."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pgtrigger
import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Organisation
from billing.credits.checks import CHECKS
from billing.credits.models import ChargeCap, Coverage, CoveredUsage
from billing.ledger.models import UsageCost
from billing.overage.arithmetic import in_minor_units, shares_of
from billing.overage.closing import LAST_REPORTS, close_periods
from billing.overage.comparing import recompute
from billing.overage.models import Statement, StatementLine
from entitlements.models import CreditLine
from entitlements.terms import add_months
from tests.factories.overage import START, charged, use
from tests.races import together

pytestmark = pytest.mark.django_db
CENT = 10_000_000
END = datetime(2026, 4, 17, 14, tzinfo=UTC)
AFTER = END + LAST_REPORTS


@pytest.fixture
def acme(person: Callable[..., Any]) -> Organisation:
    """An organisation that pays half as much again beyond a hundred billionths."""
    return charged(Organisation.objects.get(owner=person("ada")), percent=150)


def lines() -> list[tuple[str, int, int, int]]:
    rows = StatementLine.objects.order_by("pk")
    return list(rows.values_list("model", "usage_nano", "charge_nano", "amount"))


def differences() -> list[str]:
    found = [row for check in CHECKS for row in check()]
    for statement in Statement.objects.select_related("coverage"):
        found += recompute(statement)
    return found


def test_a_period_is_closed_when_its_last_reports_have_come(acme: Organisation) -> None:
    use(acme, 100 + 3 * CENT)

    assert close_periods(now=AFTER - timedelta(seconds=1)) == []
    (pk,) = close_periods(now=AFTER)

    statement = Statement.objects.get(pk=pk)
    assert statement.coverage.ends_at == END
    assert (statement.amount, statement.carried_out_nano) == (4, CENT // 2)
    assert lines() == [("large", 3 * CENT, 3 * CENT * 3 // 2, 4)]
    assert close_periods(now=AFTER) == []
    assert differences() == []


def test_models_are_lines_and_what_rounding_cuts_off_goes_to_the_next(
    acme: Organisation,
) -> None:
    use(acme, 100 + CENT, model="b")
    use(acme, CENT, model="a")
    close_periods(now=AFTER)

    # A cent and a half each: one, and two with the half of the line before.
    assert [(name, amount) for name, _, _, amount in lines()] == [("a", 1), ("b", 2)]
    assert Statement.objects.get().carried_out_nano == 0


def test_less_than_a_cent_is_carried_to_the_next_period(acme: Organisation) -> None:
    use(acme, 100 + CENT * 3 // 5)
    use(acme, 100 + CENT * 3 // 5, at=END)

    close_periods(now=add_months(AFTER, 1))

    first, second = Statement.objects.order_by("pk")
    assert (first.amount, first.carried_out_nano) == (0, CENT * 9 // 10)
    assert second.carried_in_nano == first.carried_out_nano
    assert (second.amount, second.carried_out_nano) == (1, CENT * 8 // 10)
    assert differences() == []


def test_late_and_corrected_usage_is_a_line_of_the_next_period(
    acme: Organisation,
) -> None:
    use(acme, 100 + 4 * CENT)
    use(acme, 2 * CENT, model="small")
    close_periods(now=AFTER)
    use(acme, -2 * CENT)
    use(acme, 6 * CENT, model="new")
    assert close_periods(now=AFTER) == []

    use(acme, 100 + 2 * CENT, at=END)
    close_periods(now=add_months(AFTER, 1))

    late = StatementLine.objects.filter(statement__coverage__starts_at=END)
    found = late.order_by("pk").values_list("model", "coverage__ends_at", "amount")
    assert list(found) == [
        ("large", END, -3),
        ("new", END, 9),
        ("large", add_months(END, 1), 3),
    ]
    assert differences() == []


def test_what_is_late_after_the_last_usage_goes_with_the_period_that_runs(
    acme: Organisation,
) -> None:
    use(acme, 100 + 4 * CENT)
    close_periods(now=AFTER)
    use(acme, -2 * CENT)

    assert close_periods(now=AFTER) == []
    running = Coverage.objects.latest("starts_at")
    close_periods(now=running.ends_at + LAST_REPORTS)

    assert [line.amount for line in StatementLine.objects.order_by("pk")] == [6, -3]


def test_without_a_cap_or_a_price_there_is_nothing_to_close(
    acme: Organisation, person: Callable[..., Any]
) -> None:
    ChargeCap.objects.filter(pk=acme.pk).delete()
    use(acme, 100 + CENT)
    other = charged(Organisation.objects.get(owner=person("ben")), percent=0)
    use(other, 100 + CENT)

    assert close_periods(now=AFTER) == []
    assert set(Coverage.objects.values_list("uncovered_nano", flat=True)) == {CENT}


def test_a_statement_stays_as_it_was_closed(acme: Organisation) -> None:
    use(acme, 100 + CENT)
    close_periods(now=AFTER)

    for act in (
        lambda: Statement.objects.update(amount=0),
        lambda: StatementLine.objects.update(charge_nano=0),
        lambda: StatementLine.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


def test_a_line_that_is_not_the_ledgers_is_found(acme: Organisation) -> None:
    use(acme, 100 + 4 * CENT)
    close_periods(now=AFTER)
    with pgtrigger.ignore("overage.StatementLine:as_it_was_closed"):
        StatementLine.objects.update(amount=7)

    (found,) = differences()

    assert "large" in found


@pytest.mark.django_db(transaction=True)
def test_eight_that_close_at_once_close_one_statement(acme: Organisation) -> None:
    use(acme, 100 + 4 * CENT)

    came = together(*[partial(close_periods, now=AFTER)] * 8)

    assert sorted(map(len, came)) == [0] * 7 + [1]
    assert Statement.objects.count() == 1
    assert differences() == []


def test_closing_costs_as_many_queries_with_thirty_rows_as_with_three(
    acme: Organisation,
) -> None:
    for number in range(3):
        use(acme, 100 + CENT, model=f"m{number}")
    with CaptureQueriesContext(
        connection,
    ) as few:
        close_periods(now=AFTER)
    for number in range(30):
        use(acme, 100 + CENT, at=END, model=f"m{number}")
    with CaptureQueriesContext(connection) as many:
        close_periods(now=add_months(AFTER, 1))

    assert len(many) <= len(few)


@settings(deadline=None)
@given(
    charges=st.lists(st.integers(-(10**9), 10**9), max_size=20),
    carried=st.integers(0, CENT - 1),
)
def test_amounts_and_what_is_carried_sum_to_the_charges(
    charges: list[int], carried: int
) -> None:
    priced = list(in_minor_units(charges, carried_nano=carried, currency="usd"))

    rest = carried + sum(charges) - CENT * sum(each.amount for each in priced)
    assert 0 <= rest < CENT


@given(
    whole=st.integers(0, 10**12),
    weights=st.lists(st.integers(0, 10**12), min_size=1).filter(any),
)
def test_shares_sum_to_the_whole_and_nobody_gets_more_than_one_too_much(
    whole: int, weights: list[int]
) -> None:
    shares = list(shares_of(whole, weights))

    assert sum(shares) == whole
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - whole * weight) < sum(weights)


# Usage of a month, a model and an amount that may take back; in any order of arrival.
USES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["a", "b", "c"]),
        st.integers(-3 * CENT, 9 * CENT).filter(bool),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=70,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=USES, closings=st.lists(st.integers(1, 12), max_size=3))
def test_generated_months_close_without_a_difference(
    acme: Organisation, story: list[tuple[int, str, int]], closings: list[int]
) -> None:
    """Three months for each of seventy stories: late, corrected, closed in between."""
    forget_everything()
    used: Counter[int] = Counter()
    for number, (month, model, amount) in enumerate(story, 1):
        # The ledger corrects what was used, never more.
        taken = max(amount, -used[month])
        if taken:
            use(acme, taken, at=add_months(START, month), model=model)
            used[month] += taken
        if number in closings:
            close_periods(now=add_months(AFTER, month))
    close_periods(now=add_months(AFTER, 3))
    running = Coverage.objects.filter(organisation=acme).order_by("starts_at").last()
    if running is not None:
        close_periods(now=max(running.ends_at, add_months(AFTER, 4)) + LAST_REPORTS)

    assert differences() == []
    beyond = sum(max(amount - 100, 0) for amount in used.values())
    stated = StatementLine.objects.all()
    assert sum(line.usage_nano for line in stated) == beyond
    last = Statement.objects.order_by("-pk").first()
    money = sum(line.amount for line in stated) * CENT
    assert money + (last.carried_out_nano if last else 0) == sum(
        line.charge_nano for line in stated
    )


def forget_everything() -> None:
    """Begin anew between two stories of one test."""
    with pgtrigger.ignore():
        StatementLine.objects.all().delete()
        Statement.objects.all().delete()
        CoveredUsage.objects.all().delete()
    UsageCost.objects.all().delete()
    Coverage.objects.all().delete()
    CreditLine.objects.all().delete()
