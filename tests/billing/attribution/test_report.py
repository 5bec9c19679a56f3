"""Parts add up to the money, whatever goes back and in whichever currency it came."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from billing.attribution.assets import Asset
from billing.attribution.maths.weighing import AttributionModel
from billing.attribution.report import (
    Attribution,
    attribute,
    effects_of,
    money_of,
    parts_of,
    ways_of,
    worth_of,
)
from billing.attribution.services import replace_due_ways, replace_ways
from billing.conversion.models import Account
from billing.conversion.ranges import DayRange
from billing.conversion.settling import record_rate
from billing.conversion.units import CountedUnit
from billing.ledger.models import Refund
from billing.ledger.records import RefundRecord
from billing.ledger.services import record_refund
from core.money import NANO
from tests.billing.attribution.conftest import DAY, PAID, Team, see, used
from tests.billing.conversion.histories import NOW, History

pytestmark = pytest.mark.django_db
RANGE = DayRange((PAID - 5 * DAY).date(), (PAID + 35 * DAY).date())
LOOKBACK = timedelta(days=30)
KEYS, THREAD = Asset("doc", "keys"), Asset("topic", "7")


def report(
    model: AttributionModel = AttributionModel.LINEAR,
    *,
    days: DayRange = RANGE,
    unit: CountedUnit = CountedUnit.ORGANISATION,
    lookback: timedelta = LOOKBACK,
) -> Attribution:
    money = money_of(days)
    ways = ways_of(money.organisations, lookback=lookback, unit=unit)
    return attribute(money, ways, model, effects_of(lookback=lookback, unit=unit))


def revenue(found: Attribution) -> dict[Asset, int]:
    return {asset: share.revenue for asset, share in found.shares.items()}


@pytest.fixture
def walked(team: Team) -> Team:
    see("topic:7", 9, user_id=team.founder.pk)
    see("doc:1.0/keys", 3, user_id=team.founder.pk)
    see("doc:1.0/keys", 1, user_id=team.founder.pk)
    return team


def test_renewals_go_the_way_of_the_first_payment(walked: Team) -> None:
    walked.pay(10_000)
    see("doc:1.0/later", -2, user_id=walked.founder.pk)
    walked.pay(2_000, days=30)

    # Each invoice is divided by itself: 3,334 and 667.
    assert revenue(report()) == {THREAD: 4_001, KEYS: 7_999}
    assert report().total.revenue == 12_000


def test_money_that_goes_back_takes_its_parts_with_it(walked: Team) -> None:
    invoice = walked.pay(1_000)
    back = RefundRecord(
        stripe_id="re_1",
        amount=1_000,
        status="succeeded",
        refunded_at=PAID + DAY,
        kind="refund",
    )
    before = revenue(report())

    record_refund(back, invoice=invoice)
    returned = revenue(report())
    Refund.objects.update(counted_at=None)

    assert before == {THREAD: 334, KEYS: 666}
    assert returned == {THREAD: 0, KEYS: 0}
    assert revenue(report()) == before


def test_an_invoice_in_another_currency_counts_at_its_rate(
    walked: Team, person: Callable[..., Any]
) -> None:
    invoice = walked.pay(1_001, currency="eur")
    waiting = money_of(RANGE)
    boss = person("boss", is_staff=True)

    record_rate("eur", PAID.date(), nano=1_500_000_000, by=boss)

    assert (waiting.unrated, worth_of(invoice)) == (1, 1_502)
    assert sum(revenue(report()).values()) == report().total.revenue == 1_502


def test_costs_are_put_down_by_the_same_weights_to_the_billionth(
    walked: Team,
) -> None:
    walked.pay(10_000)
    used(walked.organisation, cost_nano=NANO + 1)

    found = report()

    assert {asset: share.cost_nano for asset, share in found.shares.items()} == {
        THREAD: 333_333_334,
        KEYS: 666_666_667,
    }
    assert found.shares[THREAD].margin_nano == 3_333 * NANO // 100 + (
        NANO // 100 - 333_333_334
    )


def test_who_met_nothing_stands_on_a_line_of_its_own(
    walked: Team, team_of: Callable[..., Team]
) -> None:
    walked.pay(10_000)
    team_of("direct").pay(777)

    found = report()

    assert found.unattributed.revenue == 777
    assert sum(revenue(found).values()) + 777 == found.total.revenue


def test_a_window_leaves_out_what_was_met_before_it(walked: Team) -> None:
    walked.pay(10_000)

    assert revenue(report(lookback=timedelta(days=7))) == {KEYS: 10_000}
    assert revenue(report(lookback=timedelta(days=90))) == {
        THREAD: 3_334,
        KEYS: 6_666,
    }


def test_by_person_only_whose_way_it_is_counts(
    walked: Team, person: Callable[..., Any]
) -> None:
    bea = person("bea")
    walked.join(bea)
    see("doc:1.0/prices", 2, user_id=bea.pk)
    walked.pay(10_000)
    Account.objects.filter(pk=walked.organisation.pk).update(developer=bea.pk)

    group = revenue(report(AttributionModel.LAST))
    holder = revenue(report(AttributionModel.LAST, unit=CountedUnit.PERSON))

    assert group == {KEYS: 10_000}
    assert holder == {Asset("doc", "prices"): 10_000}


def test_an_asset_that_two_colleagues_meet_on_a_day_is_one_touch(
    walked: Team, person: Callable[..., Any]
) -> None:
    bea = person("bea")
    walked.join(bea)
    see("topic:7", 9, user_id=bea.pk)
    walked.pay(9_000)

    assert revenue(report()) == {THREAD: 3_000, KEYS: 6_000}


def test_data_driven_gives_most_to_what_non_buyers_lack(
    team_of: Callable[..., Team],
) -> None:
    for number in range(3):
        team = team_of(f"p{number}")
        see("topic:7", 4, user_id=team.founder.pk)
        if number:
            see("doc:1.0/keys", 2, user_id=team.founder.pk)
        team.pay(1_000)

    shares = revenue(report(AttributionModel.DATA))
    effects = effects_of(lookback=LOOKBACK, unit=CountedUnit.ORGANISATION)

    # Everybody passes the topic; two of three would be lost without the page.
    assert effects[THREAD] == pytest.approx(1)
    assert effects[KEYS] == pytest.approx(2 / 3)
    assert shares == {THREAD: 2_200, KEYS: 800}


def test_the_invoices_behind_an_asset_add_up_to_its_number(
    walked: Team, team_of: Callable[..., Team]
) -> None:
    walked.pay(10_001)
    walked.pay(333, days=3)
    other = team_of("bea")
    see("doc:1.0/keys", 2, user_id=other.founder.pk)
    other.pay(500)
    money = money_of(RANGE)
    ways = ways_of(
        money.organisations, lookback=LOOKBACK, unit=CountedUnit.ORGANISATION
    )

    for model in AttributionModel:
        effects = effects_of(lookback=LOOKBACK, unit=CountedUnit.ORGANISATION)
        found = attribute(money, ways, model, effects)
        for asset, share in found.shares.items():
            behind = parts_of(asset, money, ways, model, effects)
            assert sum(part for _pk, _worth, part in behind) == share.revenue


@pytest.mark.parametrize("seed", range(6))
def test_a_random_history_adds_up_to_its_ledger_in_every_model(
    seed: int, person: Callable[..., Any], deliver_outbox: Callable[[], int]
) -> None:
    history = History(seed, person)
    history.play(deliver_outbox)
    deliver_outbox()
    dice = history.dice
    for _ in range(60):
        view = dice.choice(
            ["topic:1", "topic:2", "doc:1.0/a", "doc:1.0/b", "doc:1.0/c"]
        )
        user, at = history.someone(), history.sometime()
        see(view, (PAID - at) / DAY, user_id=user.pk)
    replace_due_ways()
    replace_ways()
    days = DayRange((NOW - 70 * DAY).date(), NOW.date())
    expected = _net_of_ledger(days)

    for unit in CountedUnit:
        for model in AttributionModel:
            found = report(model, days=days, unit=unit)
            parts = sum(revenue(found).values())
            costs = sum(share.cost_nano for share in found.shares.values())
            assert parts + found.unattributed.revenue == expected
            assert found.total.revenue == expected
            assert costs + found.unattributed.cost_nano == found.total.cost_nano


def _net_of_ledger(days: DayRange) -> int:
    """Return what came in, invoice by invoice, by Python alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.id, i.currency, i.revenue, f.factor_nano"
            " FROM ledger_invoice i LEFT JOIN conversion_foreigninvoice f"
            " ON f.invoice_id = i.id WHERE i.paid_at >= %s AND i.paid_at < %s",
            [days.start, days.end],
        )
        invoices = cursor.fetchall()
        cursor.execute(
            "SELECT invoice_id, revenue FROM ledger_refund WHERE counted_at IS NOT NULL"
        )
        refunds = cursor.fetchall()
    total = 0
    for pk, currency, paid, factor in invoices:
        net = paid - sum(amount for invoice, amount in refunds if invoice == pk)
        if currency == settings.REPORTING_CURRENCY:
            total += net if paid > 0 else 0
        elif factor is not None and paid > 0:
            exact = Decimal(net) * factor / NANO
            total += int(exact.to_integral_value("ROUND_HALF_UP"))
    return total
