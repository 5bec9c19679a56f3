"""Whatever happens, in whatever order it is heard: the figures add up to the ledger.

``HISTORIES=10000`` plays so many of them; the suite plays a few.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.conversion.bridge import bridge, check_bridge
from billing.conversion.figures import cohorts_by_source, total
from billing.conversion.models import Account, Developer
from billing.conversion.rebuilding import rebuild
from billing.conversion.units import CountedUnit
from core.money import minor_to_nano
from tests.billing.conversion.histories import History

pytestmark = pytest.mark.django_db
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
SEEDS = range(int(os.environ.get("HISTORIES", "6")))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_adds_up_to_the_ledger(
    seed: int, person: Callable[..., Any], deliver_outbox: Callable[[], int]
) -> None:
    History(seed, person).play(deliver_outbox)

    before_all_is_heard = check_bridge()
    deliver_outbox()
    checked = check_bridge()

    assert (before_all_is_heard.revenue, before_all_is_heard.cost_nano) == (0, 0)
    assert (checked.revenue, checked.cost_nano) == (0, 0)
    for unit in CountedUnit:
        found = bridge(START, END, unit=unit)
        missing = found.unaccounted
        assert (missing.amount, missing.cost_nano) == (0, 0)
        assert sum(part.amount for part in found.parts) == found.ledger.amount
        assert sum(part.cost_nano for part in found.parts) == found.ledger.cost_nano


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_gives_the_same_rows_as_a_rebuild(
    seed: int, person: Callable[..., Any], deliver_outbox: Callable[[], int]
) -> None:
    history = History(seed, person)
    history.play(deliver_outbox)
    deliver_outbox()
    # Who left or came back is told to nobody, so whose way it is may be yesterday's.
    for gone in history.people:
        gone.is_active = True
        gone.save(update_fields=["is_active"])
    rebuild()

    assert rebuild() == []


@pytest.mark.parametrize("seed", SEEDS)
def test_profits_of_all_cohorts_and_the_other_parts_are_the_ledgers(
    seed: int, person: Callable[..., Any], deliver_outbox: Callable[[], int]
) -> None:
    History(seed, person).play(deliver_outbox)
    deliver_outbox()
    rebuild()

    found = bridge(START, END)
    people = total(cohorts_by_source(START, END))
    teams = total(cohorts_by_source(START, END, unit=CountedUnit.ORGANISATION))
    with_way = Account.objects.with_community_way()
    outside = Account.objects.exclude(pk__in=with_way)

    beside = sum(
        minor_to_nano(each.revenue, "usd") - each.cost_nano for each in outside
    )
    assert people.profit_nano is not None
    assert people.profit_nano + beside == found.ledger.profit_nano
    assert (people.revenue, people.cost_nano) == (teams.revenue, teams.cost_nano)
    assert people.revenue == sum(each.revenue for each in Developer.objects.in_n())
