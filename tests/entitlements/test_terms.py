"""Whose months usage is counted by: no moment is in two, and none in none."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entitlements.credit import Credit
from entitlements.terms import HOUR, NO_TERMS, UsageTerms, add_months

# Seven years of seconds.
MOMENTS = st.integers(0, 7 * 365 * 86_400).map(
    lambda second: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_a_subscription_it_is_the_calendar_month() -> None:
    period = NO_TERMS.period_of(at("2026-12-31T23:59"))

    assert (period.starts_at, period.ends_at) == (at("2026-12-01"), at("2027-01-01"))


def test_a_monthly_subscription_counts_by_its_own_month_from_the_hour_it_began() -> (
    None
):
    terms = UsageTerms(
        period_start=at("2026-03-17T14:23:07"), period_end=at("2026-04-17T14:23:07")
    )

    period = terms.period_of(at("2026-03-17T14:00"))

    assert (period.starts_at, period.ends_at) == (
        at("2026-03-17T14:00"),
        at("2026-04-17T14:00"),
    )


def test_a_trial_is_a_period_as_long_as_it_is() -> None:
    terms = UsageTerms(
        period_start=at("2026-03-17T14:00"), period_end=at("2026-03-31T14:00")
    )

    assert terms.period_of(at("2026-03-20")).ends_at == at("2026-03-31T14:00")


@pytest.mark.parametrize(
    ("moment", "start", "end"),
    [
        ("2026-02-01", "2026-01-31T09:00", "2026-02-28T09:00"),
        ("2026-03-30", "2026-02-28T09:00", "2026-03-31T09:00"),
        ("2026-03-31T09:00", "2026-03-31T09:00", "2026-04-30T09:00"),
        ("2027-01-31T08:59", "2026-12-31T09:00", "2027-01-31T09:00"),
    ],
)
def test_a_yearly_subscription_counts_by_months_from_the_day_it_began(
    moment: str, start: str, end: str
) -> None:
    terms = UsageTerms(
        period_start=at("2026-01-31T09:30"), period_end=at("2027-01-31T09:30")
    )

    period = terms.period_of(at(moment))

    assert (period.starts_at, period.ends_at) == (at(start), at(end))


@settings(deadline=None)
@given(anchor=MOMENTS, moment=MOMENTS, months=st.sampled_from([1, 12]))
def test_every_moment_is_in_one_period_and_the_next_begins_where_it_ends(
    anchor: datetime, moment: datetime, months: int
) -> None:
    terms = UsageTerms(period_start=anchor, period_end=add_months(anchor, months))

    period = terms.period_of(moment)
    after = terms.period_of(period.ends_at)
    before = terms.period_of(period.starts_at - timedelta(microseconds=1))

    assert period.starts_at <= moment < period.ends_at
    assert after.starts_at == period.ends_at
    assert before.ends_at == period.starts_at
    assert (period.ends_at - period.starts_at) % HOUR == timedelta(0)


@settings(deadline=None)
@given(
    used=st.lists(st.integers(0, 500), max_size=6),
    allowance=st.integers(0, 600),
    remaining=st.integers(0, 300),
    chargeable=st.integers(0, 300),
)
def test_settling_moves_no_limit_as_long_as_there_is_room(
    used: list[int], allowance: int, remaining: int, chargeable: int
) -> None:
    before = Credit(
        month="202605", remaining_nano=remaining, chargeable_nano=chargeable
    )
    limit, settled, after = before.most_of("202605", allowance), 0, before
    for amount in used:
        if amount > after.room(allowance):
            break
        settled += amount
        after = after.less(amount, allowance)
        after = Credit(
            month=after.month,
            settled_nano=settled,
            from_allowance_nano=after.from_allowance_nano,
            remaining_nano=after.remaining_nano,
            chargeable_nano=after.chargeable_nano,
        )
        assert after.most_of("202605", allowance) == limit


def test_a_period_that_goes_on_gives_no_allowance_anew_with_the_month() -> None:
    line = Credit(
        month="202605",
        settled_nano=80,
        from_allowance_nano=80,
        cap_nano=500,
        chargeable_nano=400,
        ends_at=at("2026-06-17T14:00"),
    )

    assert line.most_of("202606", 100) == 20 + 400
    assert line.most_of("202607", 100) == 100 + 500
