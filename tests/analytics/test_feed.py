"""Everything in the log comes to the read side once, however it got there."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from activity.services import NewEvent, write_events
from analytics import feed as feeding
from analytics.dictionary import dictionary
from analytics.engines import engine
from analytics.engines.manifest import Manifest
from analytics.engines.protocol import Batch, OutOfOrder, Position
from analytics.feed import feed, rebuild
from tests.analytics.logs import NOON, counts, fed_rows, funnel_of, note, view

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_written_is_counted_once() -> None:
    view("/", user_id=1)
    view("/docs/", user_id=1)

    assert fed_rows() == 2
    assert fed_rows() == 2
    note("email_verified", 5, user_id=1, properties={"user_id": 1})
    assert fed_rows() == 3


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
