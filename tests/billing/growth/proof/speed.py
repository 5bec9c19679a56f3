"""What a decision costs, beside a query that does nothing, in the same run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import quantiles

from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.growth.deciding import DecisionUnit, decide
from billing.growth.moments import CHOOSING
from tests.billing.growth.proof.world import BEGIN, Clock, Town, at

# Two a decision: all that is known of a unit is read in one, the decision is one.
QUERIES = 2
# The first ones of a process load the catalogue and have their statements planned;
# PostgreSQL settles on one plan after five.
WARMING = 50


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of a decision and of an empty query; and the most queries of one."""

    decide: Sequence[float]
    empty: Sequence[float]
    queries: int

    def __str__(self) -> str:
        return (
            f"decide p50 {_part(self.decide, 50):.2f} ms,"
            f" p95 {_part(self.decide, 95):.2f} ms;"
            f" an empty query p50 {_part(self.empty, 50):.2f} ms,"
            f" p95 {_part(self.empty, 95):.2f} ms; at most {self.queries} queries"
        )


def _part(times: Sequence[float], percent: int) -> float:
    return quantiles(times, n=100, method="inclusive")[percent - 1]


def measure(town: Town, *, days: int, decisions: int) -> Speed:
    """Decide so often after a run, each time for another unit at a new occasion."""
    # A week after the last day, so that nobody is at a cap.
    clock = Clock(BEGIN + timedelta(days=days + 8))
    people = sorted(town.places)
    took: list[float] = []
    empty: list[float] = []
    most = 0
    with at(clock):
        for number in range(WARMING + decisions):
            user_id = people[number * 7 % len(people)]
            moment = CHOOSING[number % len(CHOOSING)]
            unit = DecisionUnit(town.places[user_id][0], user_id)
            occasion = f"speed {number}"
            if number < WARMING:
                decide(moment, unit, occasion=occasion)
                continue
            if number % 50 == 0:
                with CaptureQueriesContext(connection) as queries:
                    decide(moment, unit, occasion=occasion)
                most = max(most, len(queries))
                continue
            took.append(_timed(lambda: decide(moment, unit, occasion=occasion)))  # noqa: B023 - called at once
            empty.append(_timed(_ask_nothing))
    return Speed(took, empty, most)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1_000 * (time.perf_counter() - began)


def _ask_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
