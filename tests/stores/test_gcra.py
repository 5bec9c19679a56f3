"""One algorithm, in Lua for every script and in Python while Redis is away."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.limits.reservations import ADMIT
from stores import limiter
from stores.gcra import GCRA, LocalArrivals
from stores.redis import client, prefixed

ROOT = Path(__file__).resolve().parents[2]
SECOND = 1_000_000
Arrive = Callable[[str, int, int], tuple[int, int]]


def test_every_script_that_limits_begins_with_the_one_source() -> None:
    assert limiter.SCRIPT.startswith(GCRA)
    assert ADMIT.text.startswith(GCRA)

    by_hand = [
        str(path.relative_to(ROOT))
        for room in ("platform", "inference", "community", "billing")
        for path in sorted((ROOT / room).rglob("*.py"))
        if re.search(r"'GET', [^)]*\) or now", path.read_text())
    ]
    assert by_hand == ["platform/stores/gcra.py"]


def in_redis(name: str, increment: int, window: int) -> tuple[int, int]:
    script = GCRA + (
        "local before, after, wait = arrive(KEYS[1], ARGV[1], tonumber(ARGV[2]))\n"
        "if wait > 0 then return {wait, before - now} end\n"
        "let_in(KEYS[1], after)\n"
        "return {0, after - now}"
    )
    wait, ahead = client().eval(script, 1, prefixed(name), increment, window)
    return int(wait), int(ahead)


def here() -> Arrive:
    arrivals = LocalArrivals(most_names=100)
    return lambda name, increment, window: arrivals.arrive(
        name, increment=increment, window=window
    )


def test_both_decide_alike() -> None:
    dice = random.Random(5)  # noqa: S311 - the same actions each time
    local = here()
    # Hours, so that the milliseconds between the two do not matter.
    window = 3600 * SECOND
    waited = 0

    for _ in range(200):
        name, increment = dice.choice("abc"), dice.randrange(1, 900) * SECOND
        there, mine = in_redis(name, increment, window), local(name, increment, window)

        assert (there[0] > 0) == (mine[0] > 0)
        assert there == pytest.approx(mine, abs=2 * SECOND)
        waited += there[0] > 0
    assert 100 < waited < 200


@pytest.mark.parametrize("arrive", [in_redis, here()], ids=["Redis", "here"])
def test_a_window_holds_what_fits_and_not_a_microsecond_more(arrive: Arrive) -> None:
    hour = 3600 * SECOND

    # Of an idle name the first may fill the window, and no more than that.
    assert arrive("full", hour, hour) == (0, hour)
    assert arrive("over", hour + 1, hour) == (1, 0)
    # What had to wait was not counted.
    assert arrive("over", hour, hour) == (0, hour)


def test_an_arrival_ends_by_itself() -> None:
    in_redis("soon", 20 * SECOND, 60 * SECOND)

    assert 19_000 < client().pttl(prefixed("soon")) <= 20_001


def test_names_beyond_the_most_are_forgotten_the_oldest_first() -> None:
    arrivals = LocalArrivals(most_names=2)
    for name in ("a", "b", "c"):
        arrivals.arrive(name, increment=SECOND, window=SECOND)

    assert arrivals.arrive("c", increment=SECOND, window=SECOND)[0] > 0
    assert arrivals.arrive("a", increment=SECOND, window=SECOND)[0] == 0
    arrivals.forget("a")
    assert arrivals.arrive("a", increment=SECOND, window=SECOND)[0] == 0
