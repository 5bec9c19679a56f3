"""What a change was shown to cost is what is charged, to the minor unit.

A few cases with every run, all of them with
``CHANGES=all make test-one FILE=tests/billing/changes``.
"""

import os
import time
from typing import Any

import pytest

from billing.subscriptions import changing, mirror
from billing.subscriptions.exceptions import NothingToChange
from billing.subscriptions.models import Case as CaseForStaff
from billing.subscriptions.models import PlanChange
from tests.billing.changes.generating import CURRENCIES, DAY, Case, Market, case
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db
IS_WHOLE = os.environ.get("CHANGES") == "all"
# 3 currencies × 8 blocks × 25 are six hundred; a block takes about half a minute.
BLOCKS = 8 if IS_WHOLE else 1
BLOCK = 25 if IS_WHOLE else 3


@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("currency", CURRENCIES)
def test_charged_is_what_was_shown(
    shop: StripeEmulator, person: Any, currency: str, block: int
) -> None:
    market = Market(shop, currency, person)

    for number in range(block * BLOCK, (block + 1) * BLOCK):
        wanted = case(number, currency)
        _holds(market, wanted)

    assert not CaseForStaff.objects.exists()


def _holds(market: Market, wanted: Case) -> None:
    row, buyer, clock = market.begin(wanted, now=int(time.time()))
    choice = changing.PlanChoice(
        price=changing.price_for(row, plan=wanted.to_plan, interval=wanted.to_interval),
        seats=wanted.to_seats,
        code=market.code(wanted.code),
    )
    try:
        shown = changing.preview_change(row.organisation, by=buyer, wanted=choice)
    except NothingToChange:
        return
    customer = market.v1.subscriptions.retrieve(row.stripe_id).customer
    before = _charged(market, customer)

    made = changing.confirm_change(shown, by=buyer)

    assert made.state == PlanChange.State.DONE, wanted
    if made.is_immediate:
        assert made.charged == shown.amount_due, wanted
    else:
        # The period ends, and an hour later its draft is charged.
        end = int(row.period_end.timestamp()) if row.period_end else 0
        for moment in (end - DAY, end + DAY // 4):
            market.v1.test_helpers.test_clocks.advance(clock, {"frozen_time": moment})
    assert _charged(market, customer) - before == shown.amount_due, wanted
    newest = market.v1.invoices.list({"customer": customer, "limit": 1}).data[0]
    if shown.lines:
        taxes = sum(each.amount for each in newest.total_taxes or [])
        off = sum(each.amount for each in newest.total_discount_amounts or [])
        assert (newest.subtotal, off, taxes, newest.total, newest.amount_due) == (
            shown.subtotal,
            shown.discount,
            shown.tax,
            shown.total,
            shown.amount_due,
        ), wanted
        lines = [[line.description, line.amount] for line in newest.lines.data]
        assert lines == [line[:2] for line in shown.lines], wanted
    row = mirror.sync_subscription(row.stripe_id) or row
    assert (row.price, row.seats) == (choice.price, choice.seats), wanted


def _charged(market: Market, customer: str) -> int:
    charges = market.v1.charges.list({"customer": customer, "limit": 100})
    return sum(charge.amount for charge in charges.data if charge.paid)
