from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from activity import services
from activity.models import Event
from activity.services import NewEvent, buffer_event, flush_buffer, write_events
from contracts.community import DocsImported, TopicCreated
from outbox import publish
from stores.redis import client as redis
from stores.redis import prefixed

BUFFER = prefixed(services.BUFFER.name)


def event(name: str = "page_viewed", **fields: Any) -> NewEvent:
    return NewEvent(name=name, **{"occurred_at": timezone.now(), **fields})


@pytest.mark.django_db
def test_buffered_events_are_written_in_bulk_and_in_order() -> None:
    for number in range(25):
        buffer_event(event(path=f"/{number}/", properties={"深": [number]}))

    written = flush_buffer(batch=10)

    assert written == 25
    assert flush_buffer() == 0
    rows = Event.objects.order_by("id").values_list("path", "properties")
    assert list(rows) == [(f"/{number}/", {"深": [number]}) for number in range(25)]


@pytest.mark.django_db
def test_wiping_redis_loses_only_what_was_buffered(
    deliver_outbox: Callable[[], int],
) -> None:
    buffer_event(event())
    with transaction.atomic():
        publish(DocsImported(version="1.0", locale="en", pages=1))

    redis().delete(BUFFER)
    flush_buffer()
    deliver_outbox()

    assert list(Event.objects.values_list("name", flat=True)) == ["docs_imported"]


@pytest.mark.django_db
def test_the_buffer_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.BUFFER, "limit", 5)
    for number in range(9):
        buffer_event(event(path=f"/{number}/"))

    flush_buffer()

    paths = Event.objects.order_by("id").values_list("path", flat=True)
    assert list(paths) == ["/4/", "/5/", "/6/", "/7/", "/8/"]


@pytest.mark.django_db
def test_without_redis_an_event_is_dropped_and_nothing_breaks(settings: Any) -> None:
    settings.REDIS_CACHE_URL = "redis://127.0.0.1:9/0"
    redis.cache_clear()

    buffer_event(event())

    settings.REDIS_CACHE_URL = settings.REDIS_URL
    redis.cache_clear()
    assert flush_buffer() == 0


@pytest.mark.django_db
def test_what_a_database_cannot_hold_is_cleaned() -> None:
    buffer_event(
        event(path="/a\0b/", subject="\ud800x", properties={"q\0": ["c\0d", "\udfff"]})
    )

    flush_buffer()

    row = Event.objects.get()
    assert (row.path, row.subject) == ("/ab/", "?x")
    assert row.properties == {"q": ["cd", "?"]}


@pytest.mark.django_db
def test_an_event_that_cannot_be_written_takes_no_other_with_it() -> None:
    buffer_event(event(path="/before/"))
    buffer_event(event(name="n" * 200))
    buffer_event(event(path="/after/"))

    written = flush_buffer()

    assert written == 2
    assert set(Event.objects.values_list("path", flat=True)) == {"/before/", "/after/"}


@pytest.mark.django_db
def test_an_event_nobody_can_read_is_dropped_and_holds_up_no_other() -> None:
    redis().rpush(BUFFER, "not JSON", '{"name": "old", "gone": 1}', "[]")
    buffer_event(event(path="/after/"))

    written = flush_buffer()

    assert written == 1
    assert Event.objects.get().path == "/after/"


@pytest.mark.django_db(transaction=True)
def test_while_the_database_takes_nothing_events_stay_in_the_buffer() -> None:
    for number in range(3):
        buffer_event(event(path=f"/{number}/"))

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '100ms'")
    with ThreadPoolExecutor(1) as pool:
        ready, done = Barrier(2), Barrier(2)
        holder = pool.submit(hold_the_log, ready, done)
        ready.wait(timeout=10)
        with pytest.raises(OperationalError):
            flush_buffer()
        done.wait(timeout=10)
        holder.result()
    connection.close()

    # The claim holds the name of its batch, too.
    assert redis().llen(f"{BUFFER}:claimed") == 1 + 3
    assert flush_buffer() == 3
    paths = Event.objects.order_by("id").values_list("path", flat=True)
    assert list(paths) == ["/0/", "/1/", "/2/"]


@pytest.mark.django_db
def test_a_fact_is_an_event_of_its_actor_when_it_happened(
    person: Any, deliver_outbox: Callable[[], int]
) -> None:
    ada = person("ada")
    with transaction.atomic():
        publish(
            TopicCreated(topic_id=7, author_id=ada.pk, category_id=1, kind="question")
        )

    deliver_outbox()
    deliver_outbox()

    row = Event.objects.get(name="topic_created")
    assert (row.user_id, row.subject, row.source) == (ada.pk, "topic:7", "fact")
    assert row.properties["category_id"] == 1
    assert timezone.now() - row.occurred_at < timedelta(minutes=1)


@pytest.mark.django_db
def test_partitions_are_made_ahead_and_making_them_again_is_nothing() -> None:
    services.ensure_partitions(months_ahead=3)
    with connection.cursor() as cursor:
        cursor.execute("SELECT activity_ensure_partition(%s, %s)", month(2031, 11))
        cursor.execute("SELECT activity_ensure_partition(%s, %s)", month(2031, 12))
    made = partitions()
    services.ensure_partitions()

    now = timezone.now()
    for ahead in range(4):
        assert f"activity_event_{now + timedelta(days=30 * ahead):%Y_%m}" in made
    assert {"activity_event_2031_11", "activity_event_2031_12"} <= made
    assert partitions() == made


@pytest.mark.django_db
def test_events_from_before_their_month_move_into_it() -> None:
    early = datetime(2031, 11, 30, 23, 59, tzinfo=UTC)
    write_events([event(path="/early/", occurred_at=early)])
    before = partition_of("/early/")

    with connection.cursor() as cursor:
        cursor.execute("SELECT activity_ensure_partition(%s, %s)", month(2031, 11))

    assert before == "activity_event_default"
    assert partition_of("/early/") == "activity_event_2031_11"
    assert Event.objects.get().occurred_at == early


@pytest.mark.django_db(transaction=True)
def test_two_who_make_partitions_at_once_do_no_harm() -> None:
    with connection.cursor() as cursor:
        name = f"activity_event_{timezone.now():%Y_%m}"
        cursor.execute(f"DROP TABLE {name}")
    barrier = Barrier(3)

    def make(_: int) -> None:
        try:
            barrier.wait(timeout=10)
            services.ensure_partitions()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(make, range(3)))

    assert name in partitions()


def hold_the_log(ready: Barrier, done: Barrier) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE activity_event IN ACCESS EXCLUSIVE MODE")
            ready.wait(timeout=10)
            done.wait(timeout=10)
    finally:
        connection.close()


def month(year: int, number: int) -> list[datetime]:
    first = datetime(year, number, 1, tzinfo=UTC)
    return [first, (first + timedelta(days=32)).replace(day=1)]


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'activity_event'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


def partition_of(path: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM activity_event WHERE path = %s",
            [path],
        )
        return str(cursor.fetchone()[0])
