"""Others write, feed and ask meanwhile: nothing is skipped, nobody waits for ever."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Event as Signal
from threading import Thread
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from analytics import feed as feeding
from analytics.engines import answering, duckdb, engine
from analytics.engines.protocol import NoAnswer
from analytics.feed import feed, rebuild
from tests.analytics.logs import counts, fed_rows, funnel_of, view
from tests.races import together

pytestmark = pytest.mark.django_db(transaction=True)
Act = Callable[[], None]


@contextmanager
def elsewhere(inside: AbstractContextManager[Any], act: Act) -> Iterator[Act]:
    """Act inside of something on another connection, and stay in it.

    Yields a function that ends it.
    """
    begun, finish = Signal(), Signal()

    def run() -> None:
        try:
            with inside:
                act()
                begun.set()
                assert finish.wait(60)
        finally:
            connection.close()

    def end() -> None:
        finish.set()
        thread.join()

    thread = Thread(target=run)
    thread.start()
    try:
        assert begun.wait(60)
        yield end
    finally:
        end()


def test_an_event_that_is_committed_late_is_not_skipped() -> None:
    numbered_first = partial(view, "/slow/", user_id=1)
    with elsewhere(transaction.atomic(), numbered_first) as commit:
        view("/quick/", user_id=2)

        done = feed()
        before = engine().state()
        commit()

    assert done is not None
    assert (done.rows, done.is_complete) == (0, False)
    assert before.complete_at is None
    assert fed_rows() == 2


def test_what_was_finished_before_a_slow_transaction_does_not_wait_for_it() -> None:
    view("/before/", user_id=1)
    with elsewhere(transaction.atomic(), partial(view, "/slow/", user_id=1)):
        rows = fed_rows()

    assert rows == 1


def test_a_transaction_in_another_database_holds_nothing_up() -> None:
    view("/", user_id=1)
    values = {**connection.get_connection_params(), "dbname": "postgres"}
    wanted = ("host", "port", "user", "password", "dbname")
    named = {name: values[name] for name in wanted if values.get(name)}
    with psycopg.connect(**named) as other:
        other.execute("SELECT pg_current_xact_id()")
        view("/later/", user_id=1)

        done = feed()

    assert done is not None
    assert (done.rows, done.is_complete) == (2, True)


def test_of_two_who_feed_at_once_one_writes() -> None:
    for number in range(40):
        view(f"/{number}/", number, user_id=1)

    done = together(
        lambda: feed(batch_rows=3), lambda: feed(batch_rows=3), lambda: rebuild()
    )

    assert [each for each in done if isinstance(each, Exception)] == []
    assert fed_rows() == 40


def test_reading_goes_on_while_the_read_side_is_written() -> None:
    for number in range(60):
        view(f"/{number}/", number, user_id=number + 1)
    feed(batch_rows=10, most_batches=1)
    seen: list[int] = []

    def ask() -> None:
        funnel = funnel_of("page_viewed", "page_viewed")
        seen.extend(counts(funnel)[0] for _ in range(10))

    done = together(ask, lambda: feed(batch_rows=5))

    assert [each for each in done if isinstance(each, Exception)] == []
    assert seen == sorted(seen)
    assert seen[0] >= 10
    assert fed_rows() == 60


def test_a_question_waits_for_its_turn_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view("/", user_id=1)
    fed_rows()
    question = funnel_of("page_viewed", "page_viewed")

    with monkeypatch.context() as patience:
        patience.setattr(duckdb, "PATIENCE", 0.2)
        with elsewhere(duckdb._TURN, lambda: None), pytest.raises(NoAnswer):
            engine().answer(question)

    assert counts(question) == [1, 0]


def test_a_question_that_takes_too_long_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view("/", user_id=1)
    fed_rows()
    monkeypatch.setattr(duckdb, "PATIENCE", 0.5)

    def count_for_ever(connection: Any, *_: object) -> None:
        connection.execute("SELECT sum(hash(i)) FROM range(1000000000000) AS t(i)")

    monkeypatch.setattr(answering, "answer", count_for_ever)

    with pytest.raises(NoAnswer):
        engine().answer(funnel_of("page_viewed", "page_viewed"))


def test_the_command_says_that_another_one_is_at_it() -> None:
    with (
        elsewhere(feeding.sole_writer(), lambda: None),
        pytest.raises(CommandError, match="Another process"),
    ):
        call_command("analytics", "feed")
