"""The events that a funnel walks over, as columns: as few of them as decide it."""

from collections.abc import Iterator

import numpy as np

from analytics.engines.conditions import Sql, mask_of, matches, value_of
from analytics.engines.overhearing import ColumnStore
from analytics.engines.placing import placed, placed_rows
from analytics.evaluation.funnel import Occurrences
from analytics.evaluation.moments import to_micros
from analytics.questions import Funnel, Order

# Rows held as columns at a time, about 80 bytes each while they are sorted.
ROWS_AT_ONCE = 1_500_000
# A moment and an id as one number that sorts by the one and then by the other.
_PLACE = "(moment::HUGEINT * 9223372036854775808 + id)"
_MOMENT = "({place} // 9223372036854775808)::BIGINT"
_ID = "({place} % 9223372036854775808)::BIGINT"


def occurrences(connection: ColumnStore, funnel: Funnel) -> Iterator[Occurrences]:
    """Yield the events a funnel looks at, so many at a time and each unit's together.

    From the first entry on only one entering event of each unit counts. It is found
    before anybody asks whose it is, and of the others those are read that follow it
    within the window: most logs are views of pages, and most funnels begin with one.
    """
    if funnel.order == Order.FIRST_ENTRY and not funnel.hold:
        _collect_after_first(connection, funnel)
    else:
        _collect_all(connection, funnel)
    (count,) = connection.execute("SELECT count(*) FROM hits").fetchone() or (0,)
    shares = count // ROWS_AT_ONCE + 1
    for share in range(shares):
        columns = connection.execute(
            "SELECT unit, moment, id, mask, held FROM hits WHERE abs(unit) % $1 = $2",
            [shares, share],
        ).fetchnumpy()
        yield Occurrences(
            **{name: np.asarray(columns[name]) for name in Occurrences.__slots__}
        )


def _collect_after_first(connection: ColumnStore, funnel: Funnel) -> None:
    start, end = to_micros(funnel.period.start), to_micros(funnel.period.end)
    window = int(funnel.window.total_seconds() * 1_000_000)
    entering, *later = funnel.steps
    found = matches(entering)
    # One row for each actor: whose it is need not be asked of every event.
    rows = Sql(
        f"SELECT actor, organisation, min({_PLACE}) AS place FROM events AS e"
        f" WHERE moment >= ? AND moment < ? AND {found.text}"
        " GROUP BY actor, organisation",
        (start, end, *found.values),
    )
    source = placed_rows(funnel.unit, rows, funnel.segment)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE entries AS"
        f" SELECT unit, {_MOMENT.format(place='min(place)')} AS moment,"
        f" {_ID.format(place='min(place)')} AS id FROM ({source.text}) GROUP BY unit",
        list(source.values),
    )
    others = [*later, *(each.step for each in funnel.exclusions)]
    mask = mask_of(others)
    source = placed(
        funnel.unit,
        {step.event for step in others},
        start,
        end + window + 1,
        funnel.segment,
    )
    # The first step is bit 0, and no event is two steps of one way.
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE hits AS"
        " SELECT unit, moment, id, 1::BIGINT AS mask, 0::BIGINT AS held FROM entries"
        " UNION ALL"
        " SELECT e.unit, e.moment, e.id, e.mask * 2, 0 FROM ("
        f"SELECT unit, moment, id, {mask.text}::BIGINT AS mask"
        f" FROM ({source.text}) AS e) AS e"
        " JOIN entries AS f ON f.unit = e.unit"
        " WHERE e.mask > 0 AND e.moment >= f.moment AND e.moment <= f.moment + ?"
        " AND (e.moment > f.moment OR e.id > f.id)",
        [*mask.values, *source.values, window],
    )


def _collect_all(connection: ColumnStore, funnel: Funnel) -> None:
    steps = [*funnel.steps, *(each.step for each in funnel.exclusions)]
    mask = mask_of(steps)
    held = Sql("0")
    if funnel.hold:
        value = value_of(funnel.hold)
        # A number that stands for the text, one bit less than DuckDB's: never -1.
        held = Sql(f"CASE WHEN {value} IS NULL THEN -1 ELSE hash({value}) >> 1 END")
    # In strict order any event in between counts, whatever its name.
    names = None if funnel.order == Order.STRICT else {step.event for step in steps}
    source = placed(
        funnel.unit,
        names,
        to_micros(funnel.period.start),
        to_micros(funnel.period.end + funnel.window) + 1,
        funnel.segment,
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE hits AS"
        f" SELECT unit, moment, id, {mask.text}::BIGINT AS mask,"
        f" {held.text}::BIGINT AS held FROM ({source.text}) AS e",
        [*mask.values, *held.values, *source.values],
    )
