"""Recurring revenue against worked months, and against its own rows."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from django.test import Client

from accounts.queries import personal_organisation
from billing.conversion.ranges import DayRange
from billing.conversion.reasons import Missing
from billing.conversion.recurring import recurring, revenue_cohorts
from billing.conversion.stats.recurring import Recurring
from billing.ledger.records import RefundRecord
from billing.ledger.services import record_invoice, record_refund
from billing.subscriptions.models import MrrMovement
from tests.factories.billing import invoice_record

pytestmark = pytest.mark.django_db
BASE = "/staff/conversion/revenue/"
FEBRUARY = DayRange(date(2026, 2, 1), date(2026, 2, 28))
MARCH = DayRange(date(2026, 3, 1), date(2026, 3, 31))


@pytest.fixture
def move(person: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that writes one organisation's chain of (day, amount)."""

    def make(name: str, *steps: tuple[datetime, int]) -> None:
        organisation = personal_organisation(person(name))
        before = 0
        for number, (at, after) in enumerate(steps):
            kind = "expansion" if after > before else "contraction"
            if before == 0:
                kind = "reactivation" if number else "new"
            MrrMovement.objects.create(
                organisation=organisation,
                kind="churn" if after == 0 else kind,
                currency="usd",
                before=before,
                after=after,
                occurred_at=at,
            )
            before = after

    return make


def at(month: int, day: int = 10) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


@pytest.fixture
def worked(move: Callable[..., None]) -> None:
    """Two payers in January, of whom one doubles; a third is new and expands."""
    move("a", (at(1), 20_000), (at(2), 40_000), (at(3), 15_000))
    move("b", (at(1), 20_000), (at(2), 0), (at(3), 10_000))
    move("c", (at(2, 5), 30_000), (at(2, 20), 40_000), (at(3), 45_000))
    move("d", (at(3), 10_833))


@pytest.mark.usefixtures("worked")
def test_a_month_in_which_somebody_new_expands() -> None:
    found = recurring(FEBRUARY)

    assert found == Recurring(
        start=40_000,
        new=30_000,
        reactivation=0,
        expansion=30_000,
        contraction=0,
        churn=20_000,
        end=80_000,
        kept=40_000,
        kept_at_most=20_000,
        payers_start=2,
        payers_lost=1,
        payers_end=2,
    )
    assert found.is_whole
    # From movements alone it would be 125 %: the newcomer's expansion is not theirs.
    assert found.net_retention == 1
    assert found.gross_retention == Fraction(1, 2)
    assert found.quick_ratio == 3
    assert found.logo_churn == Fraction(1, 2)
    assert found.revenue_per_payer == 40_000


@pytest.mark.usefixtures("worked")
def test_a_month_in_which_somebody_comes_back() -> None:
    found = recurring(MARCH)

    movements = (found.new, found.reactivation, found.expansion)
    assert movements == (10_833, 10_000, 5_000)
    assert (found.contraction, found.churn, found.end) == (25_000, 0, 80_833)
    assert found.is_whole
    assert found.net_retention == Fraction(75, 100)
    assert found.gross_retention == Fraction(6875, 10_000)
    assert found.revenue_churn == Fraction(25_000, 80_000)


def test_lifetime_value_is_margin_over_churn() -> None:
    found = Recurring(
        start=100_000,
        new=0,
        reactivation=0,
        expansion=0,
        contraction=0,
        churn=5_000,
        end=95_000,
        kept=95_000,
        kept_at_most=95_000,
        payers_start=20,
        payers_lost=1,
        payers_end=19,
    )

    # 50.00 a month, 80 % margin, 5 % lost in an average month.
    value = found.lifetime_value(margin=Fraction(8, 10), days=30)
    assert not isinstance(value, Missing)
    assert float(value) == pytest.approx(5_000 * 0.8 / (0.05 * 30.4375 / 30))


def test_where_nothing_began_or_was_lost_there_is_a_reason() -> None:
    found = recurring(FEBRUARY)

    assert found.net_retention == Missing.NO_START
    assert found.logo_churn == Missing.NO_START
    assert found.quick_ratio == Missing.NO_LOSS
    assert found.revenue_per_payer == Missing.NOBODY_PAID
    assert found.lifetime_value(margin=Fraction(1), days=28) == Missing.NO_START


def test_cohorts_are_by_first_payment_with_refunds_in_their_month(
    person: Any, deliver_outbox: Callable[[], int]
) -> None:
    ada = person("ada")
    for month, amount in ((9, 2_000), (10, 2_000), (11, 3_000)):
        invoice = record_invoice(
            invoice_record(amount, paid_at=at(month), issued_at=at(month)),
            organisation_id=personal_organisation(ada).pk,
            user_id=ada.pk,
            fetched_at=at(month),
        )
    refund = RefundRecord(
        stripe_id="re_1", amount=500, status="succeeded", refunded_at=at(11, 20)
    )
    record_refund(refund, invoice=invoice)
    deliver_outbox()

    (cohort,) = revenue_cohorts(date(2026, 11, 25))

    assert (cohort.month, cohort.organisations) == (date(2026, 9, 1), 1)
    assert cohort.amounts[:4] == (2_000, 2_000, 2_500, None)
    assert cohort.total == 6_500


@pytest.mark.usefixtures("worked")
def test_each_figure_opens_to_the_rows_it_is_made_of(
    client: Client, person: Any
) -> None:
    client.force_login(person("staff", is_staff=True))
    month = "from=2026-02-01&to=2026-02-28"

    page = client.get(f"{BASE}?{month}").content.decode()
    new = client.get(f"{BASE}movements/?kind=new&{month}").content.decode()
    moved = client.get(f"{BASE}movements/?{month}&format=csv")
    lost = client.get(f"{BASE}customers/?who=lost&{month}").content.decode()
    kept = client.get(f"{BASE}customers/?{month}&format=csv")

    assert 'data-figure="nrr"' in page
    assert ">100.0 %</a>" in page
    assert "$300.00" in page
    assert new.count("<tr>") == 2
    lines = b"".join(moved.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 1 + 4
    assert lost.count("<tr>") == 2
    lines = b"".join(kept.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert sum(int(line.split(",")[2]) for line in lines[1:]) == 40_000


@pytest.mark.parametrize("page", ["movements/?kind=cat", "customers/?who=cat"])
def test_a_word_that_is_none_of_them_is_refused(
    page: str, client: Client, person: Any
) -> None:
    client.force_login(person("staff", is_staff=True))

    assert client.get(f"{BASE}{page}").status_code == 400
