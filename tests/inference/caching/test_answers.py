"""The room answers have: bounded, and what ends first goes first."""

import asyncio
from collections.abc import Iterator

import pytest
from django.conf import settings

from inference.caching.answers import KEEP, cache_keys, remove_all, size_of
from stores.lean_redis import LeanRedis
from stores.redis import client

OURS = 4_711


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    remove_all(OURS)
    yield
    remove_all(OURS)


def keep(*answers: tuple[str, str, int], most: int = 100) -> list[int]:
    """Keep answers of a name, a value and seconds, one after the other."""

    async def run() -> list[int]:
        redis = LeanRedis(settings.REDIS_CACHE_URL)
        try:
            return [
                await redis.run(KEEP, cache_keys(OURS), name, value, seconds, most)
                for name, value, seconds in answers
            ]
        finally:
            await redis.close()

    return asyncio.run(run())


def names() -> set[str]:
    return {name.decode() for name in client().hkeys(cache_keys(OURS)[0])}


def test_the_sum_of_what_is_kept_is_known() -> None:
    keep(("a", "x" * 10, 60), ("b", "x" * 20, 60))

    size = size_of(OURS)

    assert (size.answers, size.bytes) == (2, 30)


def test_what_is_kept_again_counts_once() -> None:
    keep(("a", "x" * 40, 60), ("a", "x" * 10, 60))

    assert (size_of(OURS).answers, size_of(OURS).bytes) == (1, 10)


def test_what_would_end_first_makes_room() -> None:
    keep(("late", "x" * 40, 600), ("soon", "x" * 40, 60), ("new", "x" * 40, 300))

    assert names() == {"late", "new"}
    assert size_of(OURS).bytes == 80


def test_a_new_one_that_ends_first_stays_and_the_next_goes() -> None:
    keep(("late", "x" * 90, 600), ("new", "x" * 40, 1_000))
    assert names() == {"new"}

    keep(("brief", "x" * 90, 5))

    assert names() == {"brief"}
    assert size_of(OURS).bytes == 90


def test_exactly_the_bound_fits_and_one_byte_more_is_not_kept() -> None:
    assert keep(("fits", "x" * 100, 60)) == [1]
    assert keep(("large", "x" * 101, 60)) == [0]

    assert names() == {"fits"}


def test_what_has_ended_is_not_counted_and_goes_with_the_next() -> None:
    keep(("old", "x" * 40, 60))
    _answers, ends, _sizes = cache_keys(OURS)
    client().zadd(ends, {"old": 1})
    assert size_of(OURS).answers == 0

    keep(("new", "x" * 10, 60))

    assert names() == {"new"}
    assert size_of(OURS).bytes == 10


def test_all_of_it_ends_with_the_last_answer() -> None:
    keep(("long", "x", 600), ("brief", "x", 5))

    lives = [client().ttl(key) for key in cache_keys(OURS)]

    assert all(590 <= each <= 601 for each in lives)


def test_an_emptied_cache_leaves_nothing() -> None:
    keep(("a", "x", 60), ("b", "x", 60))

    assert remove_all(OURS) == 2
    assert client().exists(*cache_keys(OURS)) == 0
