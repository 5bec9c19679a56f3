from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from threading import Barrier
from typing import Any

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.models import Record
from audit.services import broken_records, head, record
from core.context import network, request_id

Person = Callable[..., Any]
APPEND_ONLY = "audit.Record:append_only"


def verify(*arguments: str) -> str:
    out = StringIO()
    call_command("audit", "verify", *arguments, stdout=out)
    return out.getvalue().strip()


@contextmanager
def refused() -> Iterator[None]:
    """Expect the database to say no, and go on after it."""
    match = "Cannot update or delete"
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        yield


def three_records() -> list[Record]:
    return [
        record("key.created", actor=None, target=f"key {number}") for number in range(3)
    ]


@pytest.mark.django_db
def test_a_record_says_who_what_from_where_and_in_which_request(person: Person) -> None:
    ada = person("ada")
    tokens = request_id.set("req_9"), network.set("203.0.113.0/24")

    entry = record(
        "member.role_changed",
        actor=ada,
        target="user:ben",
        before={"role": "member"},
        after={"role": "admin"},
    )

    request_id.reset(tokens[0])
    network.reset(tokens[1])
    entry = Record.objects.get(pk=entry.pk)
    assert (entry.actor, entry.target) == (ada, "user:ben")
    assert (entry.request_id, entry.address) == ("req_9", "203.0.113.0/24")
    assert entry.changes == [("role", "member → admin")]


@pytest.mark.django_db
def test_a_moment_told_in_another_zone_is_in_the_chain_as_it_is_read() -> None:
    shanghai = timezone(timedelta(hours=8))

    entry = record(
        "key.created", actor=None, at=datetime(2026, 5, 1, 6, 0, tzinfo=shanghai)
    )

    assert Record.objects.get(pk=entry.pk).at == datetime(2026, 4, 30, 22, tzinfo=UTC)
    assert list(broken_records()) == []


@pytest.mark.django_db
def test_records_are_one_chain() -> None:
    first, second, third = three_records()

    assert first.previous_digest == ""
    assert second.previous_digest == first.digest
    assert third.previous_digest == second.digest
    assert verify() == f"3 records, whole. Head: {third.digest}"


@pytest.mark.django_db
def test_no_records_are_whole_too() -> None:
    assert verify() == "0 records, whole. Head: none"


@pytest.mark.django_db
def test_the_database_refuses_to_change_or_delete_a_record() -> None:
    (first, *_) = three_records()

    with refused():
        Record.objects.filter(pk=first.pk).update(action="nothing.happened")
    with refused():
        first.delete()
    with refused(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_record WHERE id = %s", [first.pk])

    assert Record.objects.count() == 3
    assert Record.objects.get(pk=first.pk).action == "key.created"


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["action", "target", "address", "request_id"])
def test_a_changed_record_is_found(field: str) -> None:
    _, second, _ = three_records()
    with pgtrigger.ignore(APPEND_ONLY):
        Record.objects.filter(pk=second.pk).update(**{field: "forged"})

    with pytest.raises(CommandError, match=f"breaks at {second.pk}:"):
        verify()


@pytest.mark.django_db
def test_a_record_whose_digest_was_made_to_fit_is_found_at_the_next() -> None:
    _, second, third = three_records()
    with pgtrigger.ignore(APPEND_ONLY):
        Record.objects.filter(pk=second.pk).update(digest="f" * 64)

    assert [entry.pk for entry in broken_records()] == [second.pk, third.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("which", [0, 1])
def test_a_removed_record_is_found(which: int) -> None:
    records = three_records()
    with pgtrigger.ignore(APPEND_ONLY):
        Record.objects.filter(pk=records[which].pk).delete()

    with pytest.raises(CommandError, match=f"breaks at {records[which + 1].pk}:"):
        verify()


@pytest.mark.django_db
def test_reordered_records_are_found() -> None:
    first, second, third = three_records()
    with pgtrigger.ignore(APPEND_ONLY):
        Record.objects.filter(pk=first.pk).update(id=third.pk + 1)
        Record.objects.filter(pk=second.pk).update(id=first.pk)
        Record.objects.filter(pk=third.pk + 1).update(id=second.pk)

    assert [entry.pk for entry in broken_records()][:2] == [first.pk, second.pk]


@pytest.mark.django_db
def test_records_cut_off_at_the_end_are_found_by_a_head_noted_earlier() -> None:
    *_, third = three_records()
    noted = head()
    record("key.revoked", actor=None)
    still_there = verify("--head", noted)
    with pgtrigger.ignore(APPEND_ONLY):
        Record.objects.filter(pk__gte=third.pk).delete()

    assert "4 records, whole" in still_there
    assert "2 records, whole" in verify()
    with pytest.raises(CommandError, match="cut off since"):
        verify("--head", noted)


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_keep_one_chain() -> None:
    barrier = Barrier(8)

    def write(number: int) -> None:
        try:
            barrier.wait(timeout=30)
            for turn in range(5):
                with transaction.atomic():
                    record("key.created", actor=None, target=f"{number}.{turn}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))

    digests = list(Record.objects.order_by("pk").values_list("digest", flat=True))
    previous = list(
        Record.objects.order_by("pk").values_list("previous_digest", flat=True)
    )
    assert len(digests) == 40
    assert previous == ["", *digests[:-1]]
    assert list(broken_records()) == []


@pytest.mark.django_db(transaction=True)
def test_a_record_is_rolled_back_with_what_it_records() -> None:
    def act() -> None:
        record("key.created", actor=None)
        raise KeyError

    with pytest.raises(KeyError), transaction.atomic():
        act()
    record("key.created", actor=None)

    assert Record.objects.count() == 1
    assert list(broken_records()) == []


VALUES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    max_size=4,
)


@pytest.mark.django_db
@settings(
    max_examples=60,
)
@given(before=VALUES, after=VALUES)
def test_whatever_was_written_reads_back_whole(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    record("anything.changed", actor=None, before=before, after=after)

    assert list(broken_records()) == []
