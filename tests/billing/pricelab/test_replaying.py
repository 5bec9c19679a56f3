"""A month replayed: billing's own arithmetic, nothing changed where nothing changes."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from accounts.models import Organisation
from accounts.queries import personal_organisation
from billing.conversion.models import Account
from billing.overage.closing import close_periods
from billing.overage.models import Statement
from billing.plans.models import PlanVersion
from billing.pricelab.exceptions import NoDollarRate, OtherCurrency
from billing.pricelab.models import PlanCandidate, Replay, ReplayedBill
from billing.pricelab.month import PastMonth, subscribers_of
from billing.pricelab.replaying import MonthTerms, UsedRow, compute_month
from billing.pricelab.services import create_candidate, replace_replay
from billing.subscriptions.mirror import apply_subscription
from billing.subscriptions.models import Subscription
from core.clock import now
from core.money import NANO
from entitlements.usage_price import Mode, Tier, UsagePrice
from tests.factories.billing import default_price, fetched_subscription
from tests.factories.credits import credit_of
from tests.factories.overage import charged, use
from tests.factories.pricelab import candidate_of
from tests.races import together

CENT = NANO // 100
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 5, tzinfo=UTC)


@pytest.fixture
def subscribe(person: Callable[..., Any]) -> Callable[..., Organisation]:
    """Return a function that subscribes a new organisation to a default plan."""
    made = iter(range(1_000))

    def make(plan: str = "pro", interval: str = "month", **fields: Any) -> Organisation:
        organisation = personal_organisation(person(f"buyer{next(made)}"))
        price = default_price(plan, interval)
        fetched = fetched_subscription(organisation, price, **fields)
        apply_subscription(fetched, fetched_at=now())
        return organisation

    return make


def same_as(version: PlanVersion, **terms: Any) -> PlanCandidate:
    """Return a candidate with the terms of a version."""
    amounts = dict(version.prices.values_list("interval", "unit_amount"))
    values: dict[str, Any] = {
        "month_amount": amounts.get("month"),
        "year_amount": amounts.get("year"),
        "seat_min": version.seat_min,
        "seat_max": version.seat_max,
        "allowance_nano": version.features["monthly_allowance_nano"],
        "overage_percent": version.overage_percent,
    }
    return candidate_of(version.plan.key, **{**values, **terms})


def bills_of(candidate: PlanCandidate) -> dict[int, ReplayedBill]:
    rows = ReplayedBill.objects.filter(replay=candidate.pk)
    return {row.organisation_id: row for row in rows}


def test_what_pays_for_usage_by_hand() -> None:
    """Of 100 the plan has 40, credit 10; 30 are charged at half more, 20 refused."""
    terms = MonthTerms(
        base=2_000, allowance_nano=40, price=UsagePrice.flat(150), cap_nano=45
    )

    bill = compute_month([UsedRow("a", 100, 50)], terms, credit_nano=10)

    # Not a cent, so nothing yet; of the cost a fifth is that of what was refused.
    assert (bill.base, bill.charge) == (2_000, 0)
    assert (bill.refused_nano, bill.cost_nano) == (20, 40)


def test_a_rate_counts_in_the_allowance_and_in_the_charge() -> None:
    terms = MonthTerms(
        base=0,
        allowance_nano=100 * CENT,
        price=UsagePrice.flat(200),
        cap_nano=10**12,
        rates={"dear": 150},
    )

    dear = compute_month([UsedRow("dear", 80 * CENT, 0)], terms, credit_nano=0)
    plain = compute_month([UsedRow("plain", 80 * CENT, 0)], terms, credit_nano=0)
    free = MonthTerms(
        base=0,
        allowance_nano=0,
        price=UsagePrice.flat(100),
        cap_nano=10**12,
        rates={"dear": 0},
    )

    # 80 at half more are 120: 20 beyond, charged twice.
    assert (dear.charge, plain.charge) == (40, 0)
    assert compute_month([UsedRow("dear", 80 * CENT, 7)], free, credit_nano=0) == (
        type(dear)(base=0, charge=0, cost_nano=7, refused_nano=0)
    )


def test_less_than_a_cent_of_one_model_goes_to_the_next() -> None:
    rows = [UsedRow("a", CENT // 2, 0), UsedRow("b", CENT // 2, 0)]
    terms = MonthTerms(
        base=0, allowance_nano=0, price=UsagePrice.flat(100), cap_nano=10**12
    )

    assert compute_month(rows, terms, credit_nano=0).charge == 1


def test_a_price_with_tiers_is_charged_by_tier_whatever_the_model() -> None:
    tiers = (Tier(10 * CENT, 100), Tier(None, 50))
    price = UsagePrice(mode=Mode.GRADUATED, tiers=tiers)
    terms = MonthTerms(base=0, allowance_nano=CENT, price=price, cap_nano=18 * CENT)
    rows = [UsedRow("a", 15 * CENT, 0), UsedRow("b", 16 * CENT, 0)]

    bill = compute_month(rows, terms, credit_nano=0)

    # Of 31 one is included; 10 cost 10, then 16 cost the 8 that the cap leaves.
    assert bill.charge == 18
    assert bill.refused_nano == 4 * CENT


@pytest.mark.django_db
def test_today_is_what_billing_charges_to_the_cent(
    subscribe: Callable[..., Organisation],
) -> None:
    """Thirty drawn months: caps, credit, models, corrections; against statements."""
    rng = random.Random(7)  # noqa: S311 - drawn months, no secret
    for number in range(30):
        organisation = subscribe()
        charged(
            organisation,
            allowance=rng.choice([0, 3 * CENT, 50 * CENT]),
            percent=rng.choice([100, 137]),
            cap=rng.choice([40 * CENT, 10**12]),
            start=MARCH,
        )
        if number % 3 == 0:
            credit_of(organisation, rng.randrange(1, 40 * CENT))
        used = 0
        for hour in range(rng.randrange(1, 9)):
            amount = rng.randrange(1, 30 * CENT)
            if used and rng.random() < 0.25:
                amount = -rng.randrange(1, used + 1)
            used += amount
            at = MARCH + timedelta(hours=3 * hour)
            use(organisation, amount, at=at, model=rng.choice(["a", "b", "c"]))
    close_periods(now=APRIL)
    candidate = candidate_of()

    replace_replay(candidate, moment=APRIL)

    stated = dict(Statement.objects.values_list("organisation", "amount"))
    base = default_price("pro").unit_amount
    bills = bills_of(candidate)
    assert len(bills) == 30
    assert sum(amount > 0 for amount in stated.values()) > 10
    assert {pk: bill.before_nano for pk, bill in bills.items()} == {
        pk: (base + stated.get(pk, 0)) * CENT for pk in bills
    }


@pytest.mark.django_db
def test_a_candidate_that_changes_nothing_changes_no_bill(
    subscribe: Callable[..., Organisation],
) -> None:
    everybody = [
        subscribe("team", quantity=4),
        subscribe("team", "year", quantity=7),
        subscribe("team", quantity=3),
    ]
    reduced = Subscription.objects.filter(organisation=everybody[2])
    reduced.update(discount=777)
    for number, organisation in enumerate(everybody):
        use(organisation, number * 100 * NANO, at=MARCH)
    version = default_price("team").plan_version
    candidate = same_as(version)

    replace_replay(candidate, moment=APRIL)

    bills = bills_of(candidate)
    assert set(bills) == {each.pk for each in everybody}
    for pk, bill in bills.items():
        row = Subscription.objects.get(organisation=pk)
        assert bill.before_nano == row.monthly_amount * CENT
        assert bill.change_nano == 0
        assert bill.cost_before_nano == bill.cost_after_nano
        assert bill.refused_before_nano == bill.refused_after_nano


@pytest.mark.django_db
def test_a_dearer_candidate_by_hand(subscribe: Callable[..., Organisation]) -> None:
    """Pro for 30.00 with 5.00 included and 120 % beyond, for who set no cap 2.00."""
    light, heavy, capped = subscribe(), subscribe(), subscribe()
    charged(capped, allowance=20 * NANO, percent=0, cap=NANO, start=MARCH)
    use(light, 4 * NANO, at=MARCH)
    use(heavy, 6 * NANO, at=MARCH)
    use(capped, 8 * NANO, at=MARCH)
    candidate = candidate_of(
        allowance_nano=5 * NANO, overage_percent=120, cap_nano=2 * NANO
    )

    replace_replay(candidate, moment=APRIL)

    bills = bills_of(candidate)
    base = default_price("pro").unit_amount
    assert {bill.before_nano for bill in bills.values()} == {base * CENT}
    # One dollar beyond is 1.20. The cap of 1.00 lets 0.833333333 through.
    after = {pk: bill.after_nano for pk, bill in bills.items()}
    assert after == {
        light.pk: 30 * NANO,
        heavy.pk: 31_200_000_000,
        capped.pk: 30_990_000_000,
    }
    refused = bills[capped.pk].refused_after_nano
    assert refused == 3 * NANO - 833_333_333
    assert bills[capped.pk].refused_before_nano == 0


@pytest.mark.django_db
def test_only_those_who_pay_for_the_plan_in_our_currency_are_replayed(
    subscribe: Callable[..., Organisation],
) -> None:
    one = subscribe()
    subscribe("team", quantity=2)
    trial = subscribe()
    Subscription.objects.filter(organisation=trial).update(status="trialing")
    foreign = subscribe()
    Subscription.objects.filter(organisation=foreign).update(currency="eur")
    test = subscribe()
    Account.objects.update_or_create(organisation=test, defaults={"excluded_at": MARCH})
    candidate = candidate_of()

    replay = replace_replay(candidate, moment=APRIL)

    assert set(bills_of(candidate)) == {one.pk}
    assert replay.left_out == 1


@pytest.mark.django_db
def test_usage_counts_in_the_month_it_was_used_by_utc(
    subscribe: Callable[..., Organisation],
) -> None:
    organisation = subscribe()
    charged(organisation, allowance=0, percent=100, start=MARCH)
    hours = (MARCH - timedelta(hours=1), MARCH, datetime(2026, 3, 31, 23, tzinfo=UTC))
    for number, at in enumerate((*hours, datetime(2026, 4, 1, tzinfo=UTC))):
        use(organisation, 10**number * CENT, at=at)
    candidate = candidate_of()

    replay = replace_replay(candidate, moment=APRIL)

    base = default_price("pro").unit_amount
    assert str(replay.month) == "2026-03-01"
    assert bills_of(candidate)[organisation.pk].before_nano == (base + 110) * CENT


@pytest.mark.django_db
def test_a_january_is_replayed_through_a_december() -> None:
    month = PastMonth.before(datetime(2026, 1, 31, 23, 59, tzinfo=UTC))

    assert (month.start, month.end) == (
        datetime(2025, 12, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("fields", "interval", "discount", "expected"),
    [
        ({"month_amount": 3_000}, "month", Fraction(0), 3_000),
        # Nobody can pay by the year: by the month, then.
        ({"month_amount": 3_000}, "year", Fraction(0), 3_000),
        ({"month_amount": 3_000, "year_amount": 30_001}, "year", Fraction(0), 2_500),
        ({"month_amount": None, "year_amount": 24_000}, "month", Fraction(0), 2_000),
        ({"month_amount": 3_000}, "month", Fraction(1, 3), 2_000),
        # Five seats become four, each with its price.
        ({"month_amount": 3_000, "seat_max": 4}, "month", Fraction(0), 12_000),
        (
            {"month_amount": 100, "seat_min": 9, "seat_max": 9},
            "month",
            Fraction(0),
            900,
        ),
    ],
)
def test_what_a_plan_costs_a_month(
    fields: dict[str, Any], interval: str, discount: Fraction, expected: int
) -> None:
    candidate = PlanCandidate(**{"seat_min": 1, "seat_max": 1, **fields})

    found = candidate.base_for(5, interval=interval, discount=discount)

    assert found == expected


def test_the_allowance_is_per_seat_and_never_below_the_free_one() -> None:
    flat = PlanCandidate(seat_min=1, seat_max=1, allowance_nano=5 * NANO)
    seats = PlanCandidate(seat_min=1, seat_max=3, allowance_nano=5 * NANO)
    nothing = PlanCandidate(seat_min=1, seat_max=3, allowance_nano=0)

    assert flat.allowance_for(9) == 5 * NANO
    assert seats.allowance_for(9) == 15 * NANO
    assert nothing.allowance_for(9) == NANO


@pytest.mark.django_db
def test_a_replay_asks_as_often_for_thirty_as_for_three(
    subscribe: Callable[..., Organisation], django_assert_num_queries: Any
) -> None:
    def count(more: int) -> int:
        for _number in range(more):
            use(subscribe(), 30 * NANO, at=MARCH)
        candidate = PlanCandidate.objects.get(pk=candidate_of().pk)
        with django_assert_num_queries(EXPECTED):
            replace_replay(candidate, moment=APRIL)
        return more

    count(3)
    count(27)


# A savepoint, its release and the lock; plan, subscribers, rights, caps and credit;
# sums and order of usage; the replay away and written; the bills in a savepoint.
EXPECTED = 15


@pytest.mark.django_db(transaction=True)
def test_two_replays_at_once_leave_one(
    subscribe: Callable[..., Organisation],
) -> None:
    use(subscribe(), 30 * NANO, at=MARCH)
    candidate = candidate_of()

    def replay() -> Replay:
        return replace_replay(candidate, moment=APRIL)

    found = together(replay, replay)

    assert [type(each) for each in found] == [Replay, Replay]
    assert ReplayedBill.objects.count() == 1


@pytest.mark.django_db
def test_credit_is_what_they_drew_even_if_some_came_back(
    subscribe: Callable[..., Organisation],
) -> None:
    organisation = subscribe()
    charged(organisation, allowance=0, percent=100, cap=0, start=MARCH)
    credit_of(organisation, 50)
    for amount in (50, -20, 15):
        use(organisation, amount, at=MARCH)
    plan = default_price("pro").plan_version.plan

    ((found,), left_out) = subscribers_of(plan, PastMonth.before(APRIL))

    assert (found.credit_nano, left_out) == (50, 0)


@pytest.mark.django_db
def test_what_cannot_be_added_up_is_not_kept(person: Any, settings: Any) -> None:
    plan = default_price("pro").plan_version.plan
    terms: dict[str, Any] = {
        "name": "x",
        "plan": plan,
        "began_with": 1,
        "currency": "usd",
        "month_amount": 1,
        "seat_min": 1,
        "seat_max": 1,
        "allowance_nano": 0,
        "overage_percent": 0,
    }
    staff = person("staff")
    settings.REPORTING_CURRENCY = "cny"
    settings.REPORTING_USD_RATE = None
    with pytest.raises(NoDollarRate):
        create_candidate(by=staff, **terms)
    settings.REPORTING_CURRENCY = "eur"
    settings.REPORTING_USD_RATE = (1, None)
    with pytest.raises(OtherCurrency):
        create_candidate(by=staff, **terms)

    assert not PlanCandidate.objects.exists()
