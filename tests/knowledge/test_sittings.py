"""Who read what in one sitting, from the log."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from activity.models import Visitor, VisitorLink
from knowledge.sittings import MEMORY, PAUSE, NodeReader, read_readers
from tests.knowledge.conftest import AT, LONG_AGO, views

pytestmark = pytest.mark.django_db
NODES = {"doc:1.0/keys": 0, "doc:1.0/limits": 1, "topic:5": 2}
MOMENT = timedelta(microseconds=1)


def readers() -> list[NodeReader]:
    return list(read_readers(NODES, AT))


def sittings() -> list[tuple[int, ...]]:
    return [sitting for reader in readers() for sitting in reader.sittings()]


@pytest.mark.parametrize(
    ("apart", "expected"), [(PAUSE, [(0, 1)]), (PAUSE + MOMENT, [(0,), (1,)])]
)
def test_half_an_hour_without_a_look_begins_a_new_sitting(
    apart: timedelta, expected: list[tuple[int, ...]]
) -> None:
    views("keys", "limits", visitor="v_1", apart=apart)

    assert sittings() == expected


def test_the_same_page_twice_in_a_row_is_looked_at_once() -> None:
    views("keys", "keys", "limits", "keys", visitor="v_1")

    assert sittings() == [(0, 1, 0)]


def test_pages_that_are_no_node_are_left_out() -> None:
    views("keys", "unknown", "topic:5", visitor="v_1")
    views("unknown", visitor="v_2")

    assert sittings() == [(0, 2)]


def test_a_browser_and_its_person_are_one_reader(person: Callable[..., Any]) -> None:
    ada = person("ada")
    Visitor.objects.create(id="v_1", first_seen_at=LONG_AGO, source="docs")
    VisitorLink.objects.create(visitor_id="v_1", user=ada, linked_at=timezone.now())
    views("keys", visitor="v_1")
    views("limits", user_id=ada.pk, at=LONG_AGO + timedelta(minutes=2))

    (reader,) = readers()

    assert reader.person == ada.pk
    assert sittings() == [(0, 1)]


def test_readers_are_told_apart() -> None:
    views("keys", visitor="v_1")
    views("limits", visitor="v_2")

    assert sorted(sittings()) == [(0,), (1,)]
    assert [each.person for each in readers()] == [None, None]


@pytest.mark.parametrize("field", ["is_staff", "is_internal"])
def test_staff_and_test_people_are_left_out(
    person: Callable[..., Any], field: str
) -> None:
    views("keys", user_id=person("ada", **{field: True}).pk)

    assert sittings() == []


def test_who_asks_not_to_be_known_is_followed_nowhere() -> None:
    views("keys", "limits")

    assert sittings() == []


def test_what_was_read_before_the_quarter_or_after_the_moment_is_left_out() -> None:
    views("keys", visitor="v_1", at=AT - MEMORY - MOMENT)
    views("limits", visitor="v_2", at=AT)
    views("topic:5", visitor="v_3", at=AT - MEMORY)

    assert sittings() == [(2,)]
