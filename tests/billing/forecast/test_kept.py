"""Forecasts kept by the night's job, and the page that holds them against what came."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Organisation, User
from accounts.queries import personal_organisation
from audit.models import Record
from billing.conversion.ranges import DayRange
from billing.conversion.recurring import recurring
from billing.forecast.maths.methods import SERIES
from billing.forecast.models import Forecast, Outlook, OutlookMonth
from billing.forecast.months import closed_months, following
from billing.forecast.services import replace_forecast
from billing.subscriptions.models import MrrMovement
from tests.races import together

PAGE = "/staff/conversion/forecast/"
# The first day after fourteen months that are over.
TODAY = date(2026, 3, 1)
BEGAN = date(2025, 1, 1)


@pytest.fixture
def payers(person: Callable[..., Any]) -> list[Organisation]:
    return [personal_organisation(person(f"payer{n}")) for n in range(15)]


def move(payer: Organisation, kind: str, before: int, after: int, at: datetime) -> None:
    MrrMovement.objects.create(
        organisation=payer,
        kind=kind,
        currency="usd",
        before=before,
        after=after,
        occurred_at=at,
    )


def moment(month: date, day: int = 10) -> datetime:
    return datetime(month.year, month.month, day, 12, tzinfo=UTC)


@pytest.fixture
def story(payers: list[Organisation]) -> None:
    """One comes each month; every third leaves two months later, others grow."""
    for number, payer in enumerate(payers[:14]):
        month = following(BEGAN, number)
        move(payer, "new", 0, 2_000 + 100 * number, moment(month))
        later = following(month, 2)
        if later < TODAY and number % 3 == 0:
            move(payer, "churn", 2_000 + 100 * number, 0, moment(later, 20))
        elif later < TODAY:
            now = 2_000 + 100 * number
            move(payer, "expansion", now, now + 500, moment(later, 20))


@pytest.mark.django_db
@pytest.mark.usefixtures("story")
def test_closed_months_are_those_of_the_revenue_page() -> None:
    months = closed_months(TODAY)

    assert [each.first for each in months] == [following(BEGAN, n) for n in range(14)]
    for each in months:
        last = date.fromordinal(following(each.first).toordinal() - 1)
        found = recurring(DayRange(each.first, last))
        assert (each.start, each.end) == (found.start, found.end)
        assert each.moved == {name: getattr(found, name) for name in SERIES[:-1]}


@pytest.mark.django_db
def test_months_end_in_the_reporting_time_zone(
    payers: list[Organisation], settings: Any
) -> None:
    settings.REPORTING_TIME_ZONE = "Asia/Shanghai"
    # The first hour of February there, still January by UTC.
    move(payers[0], "new", 0, 700, datetime(2026, 1, 31, 16, tzinfo=UTC))

    assert [each.first for each in closed_months(TODAY)] == [date(2026, 2, 1)]


@pytest.mark.django_db
def test_other_currencies_and_the_running_month_are_not_in_it(
    payers: list[Organisation],
) -> None:
    MrrMovement.objects.create(
        organisation=payers[0],
        kind="new",
        currency="eur",
        before=0,
        after=9,
        occurred_at=moment(BEGAN),
    )
    move(payers[1], "new", 0, 500, moment(TODAY, 1))

    assert closed_months(TODAY) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("story")
def test_a_forecast_is_kept_once_a_month_and_taken_anew_until_the_next() -> None:
    first = replace_forecast(TODAY)
    amounts = list(_whole(first).values_list("amount", flat=True))
    # Heard of late, about the month that is over.
    move(_payer(0), "reactivation", 0, 50_000, moment(date(2026, 2, 1), 27))
    again = replace_forecast(date(2026, 3, 31))
    other = replace_forecast(date(2026, 4, 1))

    assert first.through == date(2026, 2, 1)
    assert again.pk == first.pk
    assert again.computed_at > first.computed_at
    assert list(_whole(again).values_list("amount", flat=True)) != amounts
    assert other.through == date(2026, 3, 1)
    assert Forecast.objects.count() == 2
    months = list(_whole(again).values_list("month", flat=True))
    assert months == [following(date(2026, 3, 1), n) for n in range(4)]


@pytest.mark.django_db
def test_nothing_known_is_kept_as_reasons() -> None:
    forecast = replace_forecast(TODAY)

    reasons = set(forecast.outlooks.values_list("reason", flat=True))
    assert reasons == {"too_few_months"}
    assert forecast.outlooks.count() == len(SERIES)
    assert not OutlookMonth.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("story")
def test_two_jobs_at_once_keep_one_forecast() -> None:
    def keep() -> int:
        return replace_forecast(TODAY).pk

    found = together(keep, keep)

    assert found == [Forecast.objects.get().pk] * 2
    assert Outlook.objects.count() == len(SERIES)
    assert _whole(Forecast.objects.get()).count() == 4


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"low_95": -1},
        {"low_80": 0, "low_95": 1},
        {"amount": 10**12},
        {"high_95": 0},
    ],
)
@pytest.mark.usefixtures("story")
def test_the_database_refuses_bands_that_cross(change: dict[str, int]) -> None:
    row = _whole(replace_forecast(TODAY)).first()
    assert row is not None

    with pytest.raises(IntegrityError, match="bands"), transaction.atomic():
        OutlookMonth.objects.filter(pk=row.pk).update(**change)


@pytest.mark.django_db
@pytest.mark.usefixtures("story")
@pytest.mark.parametrize("change", [{"method": ""}, {"reason": "too_few_moves"}])
def test_the_database_refuses_neither_method_nor_reason(change: dict[str, str]) -> None:
    replace_forecast(TODAY)

    with pytest.raises(IntegrityError, match="method_or_reason"), transaction.atomic():
        Outlook.objects.filter(series="end").update(**change)


@pytest.fixture
def staff(client: Client, person: Callable[..., Any]) -> Iterator[Client]:
    client.force_login(person("staff", is_staff=True))
    with time_machine.travel(moment(date(2026, 3, 1), 5), tick=False):
        yield client


@pytest.mark.django_db
@pytest.mark.usefixtures("story")
def test_the_page_says_which_method_is_shown_and_why(staff: Client) -> None:
    forecast = replace_forecast(TODAY)
    whole = forecast.outlooks.get(series="end")

    page = staff.get(PAGE).content.decode()

    assert f'data-verdict="{whole.method}"' in page
    for row in whole.months.all():
        assert f'data-month="{row.month:%Y-%m}"' in page
    assert 'data-series="new"' in page
    # Nobody ever came back: a reason stands in the number's place.
    assert "it happened in too few months" in page
    assert "trend__curve--ahead" in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("flows", "The movements did best"),
        ("line", "do not beat the straight line, so the line is shown"),
        ("last", "Nothing beats expecting the last month again"),
    ],
)
@pytest.mark.usefixtures("story")
def test_where_a_baseline_is_better_the_page_says_so(
    method: str, words: str, staff: Client
) -> None:
    replace_forecast(TODAY)
    Outlook.objects.filter(series="end").update(method=method)

    assert words in staff.get(PAGE).content.decode()


@pytest.mark.django_db
def test_the_page_without_a_forecast_and_with_too_few_months(staff: Client) -> None:
    before = staff.get(PAGE).content.decode()
    replace_forecast(TODAY)
    after = staff.get(PAGE).content.decode()

    assert "There is no forecast yet" in before
    assert 'data-reason="too_few_months"' in after
    assert '<svg class="trend__plot"' not in after


@pytest.mark.django_db
@pytest.mark.usefixtures("story")
def test_what_was_expected_is_held_against_what_came(staff: Client) -> None:
    # Two months ago, from twelve months.
    early = replace_forecast(date(2026, 1, 15))
    expected = _whole(early).order_by("month")[:2]
    came = {each.first: each.end for each in closed_months(TODAY)}
    inside = sum(row.low_95 <= came[row.month] <= row.high_95 for row in expected)

    page = staff.get(PAGE).content.decode()

    assert f'data-inside="{inside}"' in page
    assert f"{inside} of 2 earlier expectations" in page
    # February is over and not in the newest forecast yet.
    assert "A month is over that is not in it yet" in page


@pytest.mark.django_db
@pytest.mark.usefixtures("story")
def test_the_file_holds_what_came_and_what_is_expected(staff: Client) -> None:
    forecast = replace_forecast(TODAY)

    response = staff.get(PAGE, {"format": "csv"})

    content = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    lines = [line.split(",") for line in content.splitlines()]
    actual = [line for line in lines if line[2] == '"actual"']
    ahead = [line for line in lines if line[2] == '"forecast"']
    assert len(actual) == 14 * len(SERIES)
    kept = OutlookMonth.objects.filter(outlook__forecast=forecast)
    assert sorted(int(line[4]) for line in ahead) == sorted(
        kept.values_list("amount", flat=True)
    )
    assert Record.objects.filter(action="forecast.exported").exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("story")
def test_the_page_asks_as_often_however_much_is_kept(
    staff: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        replace_forecast(following(date(2025, 12, 1), number))
    staff.get(PAGE)

    # Session, person and menu are nine; months, forecast with its two, and the past.
    with django_assert_max_num_queries(14):
        staff.get(PAGE)


@pytest.mark.django_db
def test_a_format_that_is_none_is_refused(staff: Client) -> None:
    assert staff.get(PAGE, {"format": "cat"}).status_code == 400
    assert reverse("forecast:home") == PAGE


def _whole(forecast: Forecast) -> Any:
    return OutlookMonth.objects.filter(
        outlook__forecast=forecast, outlook__series="end"
    )


def _payer(number: int) -> Organisation:
    return personal_organisation(User.objects.get(username=f"payer{number}"))
