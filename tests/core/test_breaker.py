"""What does not answer is left alone for a moment, and found again by one caller."""

import pytest

from core.breaker import Breaker
from tests.races import together


class Away(Exception):
    pass


def breaker(rest: float = 60.0) -> Breaker:
    return Breaker("test", rest=rest, refusal=lambda: Away("resting"))


def ask(it: Breaker, error: Exception | None = None) -> str:
    with it.asking(OSError):
        if error is not None:
            raise error
    return "answered"


def test_after_a_failure_nobody_asks_until_the_rest_is_over() -> None:
    it = breaker()
    with pytest.raises(OSError, match="gone"):
        ask(it, OSError("gone"))

    with pytest.raises(Away, match="resting"):
        ask(it)

    assert it.is_open


def test_a_refusal_is_an_answer_and_ends_the_rest() -> None:
    it = breaker(rest=0)
    it.fail("gone")

    with pytest.raises(ValueError, match="no such key"):
        ask(it, ValueError("no such key"))

    assert not it.is_open


def test_when_the_rest_is_over_one_tries_and_the_others_are_refused() -> None:
    it = breaker(rest=0)
    it.fail("gone")
    it.rest = 60.0

    came = together(*[it.admit] * 8)

    assert came.count(None) == 1
    assert sum(isinstance(outcome, Away) for outcome in came) == 7


def test_only_the_first_failure_is_news() -> None:
    it = breaker()

    assert [it.fail("gone"), it.fail("gone")] == [True, False]
