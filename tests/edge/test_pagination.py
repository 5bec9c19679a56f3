"""Keyset pages: every row once, in both directions, whatever is inserted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import signing

from accounts.models import PersonalAccessToken
from edge.pagination import BadCursor, CursorPage, paginate

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = ("-created_at", "-pk")


@pytest.fixture
def rows(person: Callable[..., Any]) -> list[int]:
    """Return the ids of ten rows, the newest first; four share one moment."""
    ada = person("ada")
    moments = [0, 1, 2, 3, 3, 3, 3, 4, 5, 6]
    made = [
        PersonalAccessToken.objects.create(
            user=ada,
            name=str(number),
            digest=str(number),
            created_at=START + timedelta(hours=moment),
        ).pk
        for number, moment in enumerate(moments)
    ]
    return made[::-1]


def page(cursor: str = "", size: int = 3) -> CursorPage[PersonalAccessToken]:
    return paginate(
        PersonalAccessToken.objects.all(),
        order_by=ORDER,
        cursor=cursor,
        page_size=size,
    )


def ids(found: CursorPage[PersonalAccessToken]) -> list[int]:
    return [row.pk for row in found]


def walk(size: int) -> tuple[list[int], CursorPage[PersonalAccessToken]]:
    seen: list[int] = []
    current = page(size=size)
    while True:
        seen += ids(current)
        if not current.next_cursor:
            return seen, current
        current = page(current.next_cursor, size)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9, 10, 11])
def test_every_row_is_seen_once_forwards_and_backwards(
    size: int, rows: list[int]
) -> None:
    forwards, last = walk(size)

    backwards = ids(last)
    current = last
    while current.previous_cursor:
        current = page(current.previous_cursor, size)
        backwards = ids(current) + backwards

    assert forwards == rows
    assert backwards == rows


def test_the_first_page_has_nothing_before_and_the_last_nothing_after(
    rows: list[int],
) -> None:
    first = page()
    whole = page(size=10)

    assert first.previous_cursor == ""
    assert (whole.previous_cursor, whole.next_cursor) == ("", "")


def test_an_insert_shifts_nothing(rows: list[int], person: Callable[..., Any]) -> None:
    first = page()

    PersonalAccessToken.objects.create(user=person("ben"), name="new", digest="new")
    second = page(first.next_cursor)

    assert ids(second) == rows[3:6]


def test_a_deleted_row_leaves_its_cursor_good(rows: list[int]) -> None:
    first = page()

    PersonalAccessToken.objects.filter(pk=rows[2]).delete()

    assert ids(page(first.next_cursor)) == rows[3:6]


@pytest.mark.parametrize(
    "damage",
    [
        lambda cursor: cursor[:-1],
        lambda cursor: "x" + cursor,
        lambda cursor: cursor.replace(cursor[5], "A" if cursor[5] != "A" else "B", 1),
        lambda _cursor: "x",
        lambda _cursor: ":::",
        lambda _cursor: "\x00",
        lambda _cursor: "é" * 5000,
        lambda _cursor: signing.dumps(["n", 1, 2], salt="other"),
    ],
)
def test_a_changed_cursor_is_refused(
    damage: Callable[[str], str], rows: list[int]
) -> None:
    with pytest.raises(BadCursor) as refusal:
        page(damage(page().next_cursor))

    assert (refusal.value.status, refusal.value.code) == (400, "bad_cursor")


def test_a_cursor_of_another_order_is_refused(rows: list[int]) -> None:
    cursor = page().next_cursor

    with pytest.raises(BadCursor):
        paginate(PersonalAccessToken.objects.all(), order_by=("-pk",), cursor=cursor)


def test_a_page_costs_one_statement(
    rows: list[int], django_assert_num_queries: Any
) -> None:
    cursor = page().next_cursor

    with django_assert_num_queries(1):
        page(cursor)
