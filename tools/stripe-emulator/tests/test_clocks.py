"""Test clocks, and the account's own time."""

from typing import Any

import pytest
import stripe

from shopping import Shop
from stripe_emulator.testing import StripeEmulator
from timing import DAY, FEBRUARY, START, Clock, period


def test_a_clock_stands_until_it_is_moved(client: Any) -> None:
    clocks = client.v1.test_helpers.test_clocks
    made = clocks.create({"frozen_time": START, "name": "January"})

    assert (made.status, made.frozen_time, made.name) == ("ready", START, "January")
    for moment in (START, START - 1):
        with pytest.raises(stripe.InvalidRequestError, match="after the clock's time"):
            clocks.advance(made.id, {"frozen_time": moment})
    moved = clocks.advance(made.id, {"frozen_time": START + 1})

    assert clocks.retrieve(made.id).frozen_time == moved.frozen_time == START + 1
    kinds = [event.type for event in client.v1.events.list().data]
    assert kinds == [
        "test_helpers.test_clock.ready",
        "test_helpers.test_clock.advancing",
    ]


def test_an_empty_clock_moves_two_years_at_most(client: Any) -> None:
    clocks = client.v1.test_helpers.test_clocks
    made = clocks.create({"frozen_time": START})

    with pytest.raises(stripe.InvalidRequestError, match="two years"):
        clocks.advance(made.id, {"frozen_time": START + 733 * DAY})
    assert clocks.retrieve(made.id).frozen_time == START
    clocks.advance(made.id, {"frozen_time": START + 732 * DAY})

    assert clocks.retrieve(made.id).frozen_time == START + 732 * DAY


def test_what_happens_on_the_way_bears_its_own_time(shop: Shop) -> None:
    clock = Clock(shop)
    bought = shop.subscribe(clock.customer.id)

    clock.go(FEBRUARY + 20 * DAY)

    renewal = shop.client.v1.invoices.list({"customer": clock.customer.id}).data[0]
    assert renewal.created == FEBRUARY
    assert renewal.status_transitions.finalized_at == FEBRUARY + 3600
    assert renewal.status_transitions.paid_at == FEBRUARY + 3600
    assert period(clock.now(bought))[0] == FEBRUARY


def test_clocks_do_not_move_one_another(shop: Shop) -> None:
    first, second = Clock(shop), Clock(shop)
    for clock in (first, second):
        shop.subscribe(clock.customer.id)

    first.go(FEBRUARY + 3600)

    assert len(first.invoices()) == 2
    assert len(second.invoices()) == 1


def test_the_accounts_own_time_moves_no_clock(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    timed, real = Clock(shop), shop.customer()
    shop.subscribe(timed.customer.id)
    shop.subscribe(real.id)

    stripe_emulator.advance(days=32)

    assert len(timed.invoices()) == 1
    paid = shop.client.v1.invoices.list({"customer": real.id, "status": "paid"}).data
    assert len(paid) == 2


def test_a_clock_takes_all_it_had_with_it(shop: Shop) -> None:
    clock, real = Clock(shop), shop.customer()
    shop.subscribe(clock.customer.id)
    kept = shop.subscribe(real.id)

    gone = shop.client.v1.test_helpers.test_clocks.delete(clock.clock.id)

    v1 = shop.client.v1
    assert gone.deleted
    assert v1.test_helpers.test_clocks.list().data == []
    assert [one.id for one in v1.subscriptions.list().data] == [kept.id]
    assert [one.id for one in v1.customers.list().data] == [real.id]
    assert [one.customer for one in v1.invoices.list().data] == [real.id]
