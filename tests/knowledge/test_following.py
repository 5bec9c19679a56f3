"""What is predicted to be read next, against sittings nobody has seen yet."""

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from knowledge.following import Following, K, next_nodes, popular

PAGES = 30


def counted(*sittings: Sequence[int]) -> Following:
    following = Following()
    for sitting in sittings:
        following.add(sitting)
    return following


def walk(rng: random.Random) -> list[int]:
    """Return a sitting: the next page mostly follows, sometimes anything is opened."""
    page = int(PAGES * rng.random() ** 2)
    sitting = [page]
    for _ in range(rng.randrange(1, 6)):
        is_led = rng.random() < 0.6
        page = (page * 7 + 3) % PAGES if is_led else int(PAGES * rng.random() ** 2)
        if page != sitting[-1]:
            sitting.append(page)
    return sitting


def hits(following: Following, sittings: list[list[int]], *, by_steps: bool) -> float:
    """Return how often the next page was among the three predicted."""
    known = popular(following, limit=20)
    found, asked = 0, 0
    for sitting in sittings:
        for here, then in pairwise(sitting):
            if by_steps:
                ranked = next_nodes(following, here, links={}, known=known, limit=3)
                shown = [node for node, _score in ranked]
            else:
                shown = [node for node in known if node != here][:3]
            asked += 1
            found += then in shown
    return found / asked


def test_prediction_beats_popularity_on_sittings_it_has_not_seen() -> None:
    rng = random.Random(7)  # noqa: S311 - the same readers every time
    learnt = counted(*(walk(rng) for _ in range(3_000)))
    held_out = [walk(rng) for _ in range(1_000)]

    predicted = hits(learnt, held_out, by_steps=True)
    by_popularity = hits(learnt, held_out, by_steps=False)

    assert predicted > by_popularity + 0.3


def test_of_readers_who_wander_it_is_no_worse_than_popularity() -> None:
    rng = random.Random(8)  # noqa: S311 - the same readers every time

    def wander() -> list[int]:
        return [int(PAGES * rng.random() ** 2) for _ in range(4)]

    learnt = counted(*(wander() for _ in range(3_000)))
    held_out = [wander() for _ in range(1_000)]

    predicted = hits(learnt, held_out, by_steps=True)
    assert predicted >= hits(learnt, held_out, by_steps=False) - 0.02


def test_a_page_nobody_has_left_yet_offers_what_it_links_to_first() -> None:
    learnt = counted([1, 2], [1, 2], [1, 3])

    found = next_nodes(learnt, 9, links={9: {3}}, known=[1, 2, 3], limit=3)

    assert [node for node, _score in found] == [3, 1, 2]


def test_a_link_gives_way_to_what_is_really_read_next() -> None:
    steps = [[9, 2]] * 30
    learnt = counted(*steps)

    found = next_nodes(learnt, 9, links={9: {3}}, known=[2], limit=2)

    assert [node for node, _score in found] == [2, 3]


def test_the_score_is_the_formula() -> None:
    learnt = counted([1, 2], [1, 2], [1, 3])

    found = dict(next_nodes(learnt, 1, links={}, known=[1, 2, 3], limit=5))

    # Two of three went to 2; of six readings two were of it.
    assert found[2] == pytest.approx((2 + K * 2 / 6) / (3 + K))
    assert 1 not in found


def test_pairs_are_counted_once_a_sitting_and_lifted_over_chance() -> None:
    learnt = counted([1, 2, 1, 2], [1, 2], [3], [4])

    assert learnt.pairs[1, 2] == 2
    # Read by half each, they would meet in one of four by chance, and do in two.
    assert learnt.lift_of((1, 2)) == pytest.approx(2)


def test_a_program_that_reads_everything_makes_no_mountain_of_pairs() -> None:
    learnt = counted(range(1_000))

    assert len(learnt.pairs) == 20 * 19 / 2
