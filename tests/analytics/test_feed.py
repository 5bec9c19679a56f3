"""Everything in the log comes to the read side once, however it got there."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Membership, Organisation
from activity.models import Visitor, VisitorLink
from activity.services import NewEvent, write_events
from analytics import feed as feeding
from analytics.dictionary import dictionary
from analytics.engines import answering, duckdb, engine
from analytics.engines.manifest import Manifest
from analytics.engines.protocol import Batch, NoAnswer, OutOfOrder, Position
from analytics.feed import feed, rebuild
from analytics.questions import UnitKind
from tests.analytics.logs import NOON, counts, fed_rows, funnel_of, note, view
from tests.races import together

pytestmark = pytest.mark.django_db(transaction=True)
Act = Callable[[], None]


def test_what_was_written_is_counted_once() -> None:
    view("/", user_id=1)
    view("/docs/", user_id=1)

    assert fed_rows() == 2
    assert fed_rows() == 2
    note("email_verified", 5, user_id=1, properties={"user_id": 1})
    assert fed_rows() == 3


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


def test_a_batch_that_is_sent_twice_is_once(tmp_path: Path) -> None:
    view("/", user_id=1)
    feed()
    done = engine().state().position
    file = tmp_path / "again.csv"
    file.write_text('7,0,page_viewed,1,,"","/","web","{}"\n')

    is_taken = engine().feed(Batch(file, Position(), done, 1), dictionary())

    assert not is_taken
    assert engine().state().rows == 1


def test_a_batch_that_leaves_something_out_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "later.csv"
    file.write_text('7,0,page_viewed,1,,"","/","web","{}"\n')

    with pytest.raises(OutOfOrder):
        engine().feed(Batch(file, Position(5, 5), Position(6, 6), 1), dictionary())

    assert engine().state().rows == 0


def test_a_batch_whose_manifest_was_not_written_is_fed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view("/", user_id=1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(Manifest, "write", die)
        with pytest.raises(KeyboardInterrupt):
            feed()

    assert fed_rows() == 1


def test_an_event_of_long_ago_is_absorbed() -> None:
    view("/", 0, user_id=1)
    fed_rows()
    note("user_signed_up", -60 * 24 * 40, user_id=1, properties={"user_id": 1})

    assert fed_rows() == 2
    assert counts(funnel_of("page_viewed", "user_signed_up")) == [1, 0]


def test_many_small_batches_are_put_together_and_lose_nothing() -> None:
    for number in range(30):
        view(f"/{number}/", number, user_id=number + 1)

    done = feed(batch_rows=2)

    state = engine().state()
    assert done is not None
    assert (done.rows, state.rows, state.files) == (30, 30, 1)
    assert counts(funnel_of("page_viewed", "page_viewed")) == [30, 0]


def test_a_run_that_ends_early_goes_on_where_it_ended() -> None:
    for number in range(5):
        view(f"/{number}/", number, user_id=1)

    first = feed(batch_rows=2, most_batches=1)
    is_complete_at_first = engine().state().complete_at
    second = feed(batch_rows=2)

    assert first is not None
    assert second is not None
    assert (first.rows, second.rows) == (2, 3)
    assert is_complete_at_first is None
    assert engine().state().complete_at is not None


def test_a_wiped_read_side_builds_itself_again() -> None:
    view("/", user_id=1)
    note("email_verified", 5, user_id=1, properties={"user_id": 1})
    fed_rows()
    for path in Path(settings.ANALYTICS_DIR).iterdir():
        path.unlink()

    assert fed_rows() == 2
    assert counts(funnel_of("page_viewed", "email_verified")) == [1, 1]


def test_what_else_lies_in_the_folder_is_left_alone() -> None:
    """Across machines the guide asks for a shared disk."""
    view("/", user_id=1)
    fed_rows()
    folder = Path(settings.ANALYTICS_DIR)
    theirs = {"sales.parquet", "people-of-2025.parquet", "manifest.yaml", "thesis.txt"}
    ours = {"events-2026-05-1-1.parquet", "events-2026-05-2-2.draft"}
    (folder / "photos").mkdir()
    for name in (*theirs, *ours, "photos/one.png"):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))

    feed()
    swept = {path.name for path in folder.iterdir()}
    rebuild()

    assert theirs <= swept
    assert not ours & swept
    assert theirs <= {path.name for path in folder.iterdir()}
    assert (folder / "photos" / "one.png").exists()
    assert engine().state().rows == 1


def test_a_read_side_in_another_format_builds_itself_again() -> None:
    view("/", user_id=1)
    fed_rows()
    manifest = Path(settings.ANALYTICS_DIR) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"format":1', b'"format":0'))

    assert engine().state().rows == 0
    assert fed_rows() == 1


def test_a_log_that_was_restored_from_elsewhere_is_followed_from_its_beginning() -> (
    None
):
    view("/", user_id=1)
    fed_rows()
    with connection.cursor() as cursor:
        # As after a dump of a server that had counted far more transactions.
        cursor.execute("UPDATE activity_event SET recorded_in = '9000000000000'")
    view("/after/", user_id=2)

    assert fed_rows() == 2
    view("/later/", user_id=2)
    assert fed_rows() == 3


def test_a_log_that_lost_its_last_events_is_followed_from_its_beginning() -> None:
    view("/kept/", user_id=1)
    fed_rows()
    view("/lost/", user_id=1)
    fed_rows()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM activity_event WHERE path = '/lost/'")

    assert fed_rows() == 1


def test_linking_a_browser_moves_its_events_and_rewrites_no_file_of_them(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    browser = Visitor.objects.create(
        id="v_ada", first_seen_at=timezone.now(), source="direct"
    )
    view("/", 0, visitor_id="v_ada")
    note("email_verified", 5, user_id=ada.pk, properties={"user_id": ada.pk})
    fed_rows()
    before = _events_on_disk()
    apart = counts(funnel_of("page_viewed", "email_verified"))

    VisitorLink.objects.create(visitor=browser, user=ada, linked_at=timezone.now())
    fed_rows()

    assert apart == [1, 0]
    assert counts(funnel_of("page_viewed", "email_verified")) == [1, 1]
    assert _events_on_disk() == before


def test_staff_test_people_and_the_deactivated_are_left_out_at_once(
    person: Callable[..., Any],
) -> None:
    people = [person(name) for name in ("ada", "bea", "cem", "dev")]
    for each in people:
        view("/", 0, user_id=each.pk)
        view("/", 1, user_id=each.pk)
    fed_rows()
    before = counts(funnel_of("page_viewed", "page_viewed"))

    for each, flag in zip(people, ("is_staff", "is_internal"), strict=False):
        setattr(each, flag, True)
        each.save()
    people[2].is_active = False
    people[2].save()
    fed_rows()

    assert before == [4, 4]
    assert counts(funnel_of("page_viewed", "page_viewed")) == [1, 1]
    assert counts(
        funnel_of("page_viewed", "page_viewed", unit=UnitKind.ORGANISATION)
    ) == [
        1,
        1,
    ]


def test_an_organisation_counts_once_for_all_its_people(
    person: Callable[..., Any],
) -> None:
    ada, bea = person("ada"), person("bea")
    team = Organisation.objects.create(slug="team", name="Team", kind="team")
    for each in (ada, bea):
        Membership.objects.create(organisation=team, user=each, role="member")
    view("/", 0, user_id=ada.pk)
    view("/", 1, user_id=bea.pk)
    note("invoice_paid", 5, organisation_id=team.pk, properties={"amount": 5})
    fed_rows()

    people = counts(funnel_of("page_viewed", "invoice_paid"))
    organisations = counts(
        funnel_of("page_viewed", "invoice_paid", unit=UnitKind.ORGANISATION)
    )

    assert people == [2, 0]
    assert organisations == [1, 1]


def test_text_of_any_kind_arrives_as_it_was_written() -> None:
    odd = 'a "quote", a comma\r\na line\n\\N \\. 中文 🙂'
    write_events(
        [
            NewEvent(
                name="page_viewed",
                occurred_at=NOON,
                user_id=1,
                path=odd,
                properties={"view": odd},
            ),
            NewEvent(name="page_viewed", occurred_at=NOON, user_id=1, path=""),
        ]
    )
    fed_rows()

    answer = engine().answer(funnel_of("page_viewed", "page_viewed", breakdown="path"))
    by_view = engine().answer(funnel_of("page_viewed", "page_viewed", breakdown="view"))

    assert [division.value for division in answer.divisions] == [odd]  # type: ignore[union-attr]
    assert [division.value for division in by_view.divisions] == [odd]  # type: ignore[union-attr]


def test_who_asked_not_to_be_known_is_no_unit() -> None:
    view("/", 0)
    view("/", 1)

    assert fed_rows() == 2
    assert counts(funnel_of("page_viewed", "page_viewed")) == [0, 0]


def test_unknown_and_malformed_events_are_kept_apart_until_they_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note("moon_landed", 0, user_id=1)
    note("invoice_paid", 1, user_id=1, properties={"amount": "much"})
    note("invoice_paid", 2, user_id=1, properties={"amount": 5, "new": "x"})
    fed_rows()
    before = engine().state()
    faults = {
        (each.name, each.fault): each.count
        for each in engine().volumes(since=datetime(2026, 1, 1, tzinfo=UTC))
    }

    known = dictionary()
    monkeypatch.setattr(
        feeding,
        "dictionary",
        lambda: type(known)({**known.schemas, "moon_landed": {}}),
    )
    done = feed()

    assert (before.rows, before.quarantined) == (1, 2)
    assert faults == {
        ("invoice_paid", ""): 1,
        ("invoice_paid", "malformed: amount"): 1,
        ("moon_landed", "unknown"): 1,
    }
    assert done is not None
    assert done.admitted == 1
    after = engine().state()
    assert (after.rows, after.quarantined) == (2, 1)


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
    monkeypatch.setattr(duckdb, "PATIENCE", 0.2)

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


def test_lag_is_counted_from_when_everything_was_there() -> None:
    view("/", user_id=1)
    started = timezone.now()
    fed_rows()

    state = engine().state()

    assert state.complete_at is not None
    assert started <= state.complete_at <= timezone.now()
    lag = feeding.lag_of(state.complete_at - timedelta(seconds=90))
    assert lag is not None
    assert 90 <= lag < 150


def test_the_command_feeds_tells_and_builds_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view("/", user_id=1)

    call_command("analytics", "feed")
    call_command("analytics", "status")
    call_command("analytics", "rebuild")

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "1 events fed, 0 admitted."
    assert said[1].startswith("1 events, 0 in quarantine, 0 s behind; 1 files,")
    assert said[2] == "1 events fed, 0 admitted."


def test_the_command_says_that_another_one_is_at_it() -> None:
    with (
        elsewhere(feeding.sole_writer(), lambda: None),
        pytest.raises(CommandError, match="Another process"),
    ):
        call_command("analytics", "feed")


def _events_on_disk() -> dict[str, int]:
    return {
        path.name: path.stat().st_mtime_ns
        for path in Path(settings.ANALYTICS_DIR).glob("events-*.parquet")
    }
