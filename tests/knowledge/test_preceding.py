"""Which page is read before a need, with its interval."""

from datetime import timedelta

import pytest
from statsmodels.stats.contingency_tables import Table2x2

from knowledge.preceding import WITHIN, Preceding, ratio
from knowledge.sittings import NodeReader, NodeReading
from tests.knowledge.conftest import AT, LONG_AGO

MOMENT = timedelta(microseconds=1)
PAGE, OTHER = 1, 2


def reader(*nodes: int, person: int = 1) -> NodeReader:
    return NodeReader(person, tuple(NodeReading(LONG_AGO, node) for node in nodes))


def test_the_ratio_and_its_interval_are_those_of_statsmodels() -> None:
    found = ratio(30, 100, 20, 200)

    table = Table2x2([[30, 70], [20, 180]])
    assert found.value == pytest.approx(table.riskratio)
    assert [found.low, found.high] == pytest.approx(list(table.riskratio_confint()))
    assert found.support == 30


def test_there_is_a_ratio_to_nobody_as_well() -> None:
    found = ratio(10, 20, 0, 50)

    assert found.low > 1
    assert found.high > found.value > 10


def test_a_need_all_of_them_had_has_an_interval() -> None:
    found = ratio(10, 10, 10, 10)

    assert found.low <= 1 <= found.high


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (MOMENT, 1),
        (WITHIN, 1),
        (WITHIN + MOMENT, 0),
    ],
)
def test_a_need_counts_within_two_weeks_after_the_page(
    after: timedelta, expected: int
) -> None:
    counts = Preceding()

    counts.add(reader(PAGE), LONG_AGO + after, AT)

    assert counts.readers[PAGE] == 1
    assert counts.needing[PAGE] == expected


@pytest.mark.parametrize("before", [timedelta(0), timedelta(days=3)])
def test_who_had_the_need_before_they_read_does_not_count(before: timedelta) -> None:
    counts = Preceding()

    counts.add(reader(PAGE), LONG_AGO - before, AT)

    assert counts.everybody == 0


def test_who_read_too_lately_to_tell_does_not_count() -> None:
    counts = Preceding()

    counts.add(reader(PAGE), None, LONG_AGO + WITHIN - MOMENT)

    assert counts.everybody == 0


def test_readers_of_a_page_are_compared_with_readers_of_others() -> None:
    counts = Preceding()
    for person in range(40):
        is_needing = person < 20
        counts.add(
            reader(PAGE, OTHER) if person < 20 else reader(OTHER),
            LONG_AGO + timedelta(days=1) if is_needing or person < 25 else None,
            AT,
        )

    found = counts.lift_of(PAGE)

    assert found == ratio(20, 20, 5, 20)
    # Everybody read the other one: there is nobody to compare its readers with.
    assert counts.lift_of(OTHER) is None


def test_fewer_than_five_say_nothing() -> None:
    counts = Preceding()
    for person in range(20):
        is_needing = person < 4
        counts.add(
            reader(PAGE if person < 10 else OTHER),
            LONG_AGO + timedelta(days=1) if is_needing else None,
            AT,
        )

    assert counts.lift_of(PAGE) is None
