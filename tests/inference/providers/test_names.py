"""A name that is asked about as it is written is found where it is written so."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from inference.providers.passages import Ranking, rank
from inference.providers.questions import understand
from inference.providers.sureness import sureness
from search.meaning import Nearness
from search.queries import Frequencies, Passage

STREWN = "The key is reused. Idempotency of a key: what is reused has idempotency."
WRITTEN = "Status 422 has the code `idempotency_key_reused`."
NEAR = Nearness(whole=0.2, head=0.2, line=0.3, said="")


def ranked(question: str, *texts: str, near: Sequence[Nearness | None] = ()) -> Ranking:
    passages = [
        Passage(
            "doc", n, 0, f"/docs/1.0/{n}/", "Page", "Page", text, "1.0", "en", (), 0.0
        )
        for n, text in enumerate(texts, start=1)
    ]
    nearness = near or [None] * len(texts)
    words = Frequencies(len(texts), {})
    return rank(understand(question), passages, nearness, words)


def first_of(ranking: Ranking) -> int:
    return ranking.excerpts[0].passage.object_id


@pytest.mark.parametrize(
    "question", ["idempotency_key_reused", "报 IDEMPOTENCY_KEY_REUSED"]
)
def test_a_name_is_found_where_it_is_written_not_where_its_words_are(
    question: str,
) -> None:
    assert first_of(ranked(question, STREWN, WRITTEN)) == 2
    # Without the signs it is no name, and the words decide.
    assert first_of(ranked("idempotency key reused", STREWN, WRITTEN)) == 1


def test_a_part_of_a_longer_name_is_not_that_name() -> None:
    longer = "A code is `rate_limit_exceeded`, another one `my_rate_limit`."

    ranking = ranked("rate_limit", longer, "It is `RATE_LIMIT`.")

    assert [each.is_named for each in ranking.excerpts] == [True, False]
    assert first_of(ranking) == 2


def test_of_two_names_the_one_that_fewer_write_tells_more() -> None:
    common = "Call it with max_tokens, please."

    ranking = ranked(
        "max_tokens stop_words", *[common] * 5, "Call it with stop_words, please."
    )

    assert first_of(ranking) == 6


def test_who_writes_the_name_answers_more_surely() -> None:
    said = "what does `{}` mean"
    name, other = "job_is_gone", "task_was_lost"
    text = f"The code {name} means that it is over. Nothing else is told of task, was, lost."

    named = ranked(said.format(name), text, near=[NEAR])
    unnamed = ranked(said.format(other), text, near=[NEAR])

    assert sureness(named) > sureness(unnamed) + 2
    # In another language the name tells nothing more: other passages are as near.
    assert (
        sureness(named, is_translated=True) < sureness(unnamed, is_translated=True) + 2
    )


def test_what_speaks_of_more_of_the_question_answers_more_surely() -> None:
    question = "harbour fees for sailing boats"

    most = ranked(question, "Harbour fees for boats.", near=[NEAR])
    least = ranked(question, "Sailing is fun.", near=[NEAR])

    assert sureness(most) > sureness(least)
    # In another language what is shared is chance.
    assert sureness(most, is_translated=True) == sureness(least, is_translated=True)


def test_a_chinese_passage_is_sure_from_a_little_less() -> None:
    ranking = ranked("harbour fees", "Harbour fees.", near=[NEAR])
    best = ranking.excerpts[0]
    english = sureness(ranking)

    best.passage = replace(best.passage, locale="zh-hans")

    assert english < sureness(ranking) < english + 1
