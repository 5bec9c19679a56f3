"""One clock for Python, for Django's columns and for SQL."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing.stripe.locks import database_now
from community.forum.models import Topic
from core.clock import now
from demo.calendar import Calendar
from demo.clock import held
from search.models import IndexEntry
from tests.factories import forum

pytestmark = pytest.mark.django_db

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _in_sql() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def test_everybody_is_told_the_same_time_while_it_is_held(
    person: Callable[..., Any],
) -> None:
    with held(THEN) as clock:
        assert now() == timezone.now() == database_now() == _in_sql() == THEN

        clock.set(THEN + timedelta(hours=1))
        topic = forum.topic(person("ada"))

    assert Topic.objects.get(pk=topic.pk).created_at == THEN + timedelta(hours=1)
    entry = IndexEntry.objects.get(kind="topic", object_id=topic.pk)
    assert entry.indexed_at == THEN + timedelta(hours=1)


def test_time_goes_on_afterwards() -> None:
    with held(THEN):
        pass

    today = datetime.now(UTC) - timedelta(minutes=5)
    assert min(now(), database_now(), _in_sql()) > today


def test_deeds_are_done_in_their_order_and_nights_follow_the_days() -> None:
    done: list[tuple[str, datetime]] = []
    calendar = Calendar()

    def do(name: str) -> None:
        done.append((name, now()))

    def first() -> None:
        do("first")
        calendar.plan(now() + timedelta(hours=1), lambda: do("planned by the first"))

    calendar.plan(THEN + timedelta(hours=30), lambda: do("the day after"))
    calendar.plan(THEN + timedelta(hours=2), first)
    calendar.plan(THEN + timedelta(hours=2), lambda: do("second"))
    calendar.plan(THEN + timedelta(hours=99), lambda: do("never"))
    end = THEN + timedelta(hours=36)

    with held(THEN) as clock:
        calendar.play(clock, until=end, at_night=[lambda: do("night")])

    assert done == [
        ("first", THEN + timedelta(hours=2)),
        ("second", THEN + timedelta(hours=2)),
        ("planned by the first", THEN + timedelta(hours=3)),
        ("night", THEN + timedelta(hours=24)),
        ("the day after", THEN + timedelta(hours=30)),
        ("night", end),
    ]
