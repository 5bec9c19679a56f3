"""One promise for every ``Idempotency-Key``."""

import pytest

from core.crypto import encrypt
from core.idempotency import (
    DIGESTED,
    LEGIBLE,
    AnswerGone,
    InvalidKey,
    Kept,
    KeyReused,
    KeyRule,
    OutcomeUnknown,
    StillRunning,
    fingerprint_of,
    replay,
)

MINE = fingerprint_of(b"POST /x\n", b"{}")


def test_the_same_request_is_given_the_first_answer() -> None:
    assert replay(Kept(MINE, encrypt("yes")), MINE) == "yes"


def test_another_request_is_told_so_before_anything_of_the_first() -> None:
    for answer in (None, "unreadable", encrypt("yes")):
        with pytest.raises(KeyReused):
            replay(Kept(MINE, answer, is_lost=True), fingerprint_of(b"POST /y\n"))


def test_without_an_answer_it_runs_or_nobody_knows() -> None:
    with pytest.raises(StillRunning):
        replay(Kept(MINE, None), MINE)
    with pytest.raises(OutcomeUnknown):
        replay(Kept(MINE, None, is_lost=True), MINE)


def test_an_answer_that_cannot_be_read_is_gone() -> None:
    with pytest.raises(AnswerGone):
        replay(Kept(MINE, "-"), MINE)


@pytest.mark.parametrize(
    ("rule", "longest", "space"), [(LEGIBLE, 128, False), (DIGESTED, 255, True)]
)
def test_a_key_has_a_longest_length(rule: KeyRule, longest: int, space: bool) -> None:
    rule.check("x" * longest)
    for wrong in ("", "x" * (longest + 1), *([] if space else ["a b", "ü"])):
        with pytest.raises(InvalidKey):
            rule.check(wrong)
