"""Documents in SQLite: what is kept, what is rolled back, how they are walked."""

from pathlib import Path
from typing import Any

import pytest

from stripe_emulator.errors import ApiError, CardDeclined
from stripe_emulator.store import SLICE, Document, Store


def thing(identifier: str, **values: Any) -> Document:
    return {"object": "thing", "id": identifier, **values}


def ids(store: Store, **how: Any) -> list[str]:
    return [found["id"] for found in store.scan("thing", **how)]


def test_what_is_put_is_found_by_kind_and_id(store: Store) -> None:
    store.put(thing("a", name="Ada", nested={"list": [1, None, "你好"]}))

    assert store.find("thing", "a") == thing(
        "a", name="Ada", nested={"list": [1, None, "你好"]}
    )
    assert store.find("other", "a") is None
    assert store.find("thing", "b") is None


def test_putting_again_keeps_the_place(store: Store) -> None:
    for identifier in "abc":
        store.put(thing(identifier))

    store.put(thing("a", name="new"))

    assert ids(store) == ["c", "b", "a"]
    assert (store.find("thing", "a") or {})["name"] == "new"


def test_a_transaction_is_kept_as_a_whole(store: Store) -> None:
    with store.transaction():
        store.put(thing("a", n=1))
        store.put(thing("b", n=1))

    assert ids(store) == ["b", "a"]


@pytest.mark.parametrize(
    "failure", [ValueError("x"), ApiError("x"), KeyboardInterrupt()]
)
def test_a_transaction_that_fails_leaves_nothing(
    store: Store, failure: BaseException
) -> None:
    store.put(thing("a", n=1))

    def fail() -> None:
        with store.transaction():
            store.put(thing("b"))
            found = store.find("thing", "a")
            assert found is not None
            found["n"] = 2
            store.put(found)
            raise failure

    with pytest.raises(type(failure)):
        fail()

    assert ids(store) == ["a"]
    # Nor does the changed copy live on in memory.
    assert store.find("thing", "a") == thing("a", n=1)


def put_and_fail(store: Store, identifier: str, failure: Exception) -> None:
    """Put a thing in a transaction inside another one, which then fails."""
    with store.transaction():
        with store.transaction():
            store.put(thing(identifier))
        raise failure


def test_a_refused_card_keeps_its_history_when_it_says_so(store: Store) -> None:
    for name, keeps in (("a", True), ("b", False)):
        refusal = CardDeclined("No.", code="card_declined", keep_changes=keeps)
        with pytest.raises(CardDeclined):
            put_and_fail(store, name, refusal)

    assert ids(store) == ["a"]


def test_a_nested_transaction_belongs_to_the_outer_one(store: Store) -> None:
    with pytest.raises(ValueError, match="outer"):
        put_and_fail(store, "a", ValueError("outer"))

    assert ids(store) == []


def test_within_a_transaction_a_document_is_one_object(store: Store) -> None:
    store.put(thing("a", n=1))

    with store.transaction():
        first, second = store.find("thing", "a"), store.find("thing", "a")
        assert first is second
        assert first is not None
        store.put(first)
        first["n"] = 5

    assert (store.find("thing", "a") or {})["n"] == 5
    assert store.find("thing", "a") is not store.find("thing", "a")


def test_a_walk_sees_what_the_transaction_has_changed(store: Store) -> None:
    store.put(thing("a", n=1))

    with store.transaction():
        found = store.find("thing", "a")
        assert found is not None
        found["n"] = 2
        store.put(found)
        assert [one["n"] for one in store.scan("thing")] == [2]


def test_walks_go_newest_first_across_slices(store: Store) -> None:
    count = SLICE * 2 + 3
    with store.transaction():
        for number in range(count):
            store.put(thing(f"t{number}"))

    assert ids(store) == [f"t{number}" for number in reversed(range(count))]


def test_a_walk_may_write_what_it_walks_over(store: Store) -> None:
    for number in range(SLICE + 5):
        store.put(thing(f"t{number}", seen=False))

    with store.transaction():
        for found in store.scan("thing"):
            found["seen"] = True
            store.put(found)

    assert all(found["seen"] for found in store.scan("thing"))


def test_cursors_walk_on_and_back(store: Store) -> None:
    for identifier in "abcde":
        store.put(thing(identifier))

    assert ids(store, after="c") == ["b", "a"]
    assert ids(store, before="c") == ["d", "e"]
    assert ids(store, after="a") == []
    assert ids(store, before="e") == []


def test_walks_are_narrowed_by_customer_and_test(store: Store) -> None:
    store.put(thing("a", customer="cus_1", n=1))
    store.put(thing("b", customer="cus_2", n=2))
    store.put(thing("c", _customer="cus_1", n=3))
    store.put(thing("d", customer={"id": "cus_1"}, n=4))

    assert ids(store, customer="cus_1") == ["c", "a"]
    assert ids(store, customer="") == ["d"]
    assert ids(store, match=lambda found: found["n"] % 2 == 0) == ["d", "b"]


def test_what_was_deleted_is_found_and_never_listed(store: Store) -> None:
    store.put(thing("a", deleted=True))

    assert ids(store) == []
    assert store.find("thing", "a") is not None


def test_what_was_removed_is_gone(store: Store) -> None:
    store.put(thing("a"))

    with store.transaction():
        found = store.find("thing", "a")
        assert found is not None
        store.put(found)
        store.remove("thing", "a")

    assert store.find("thing", "a") is None
    assert ids(store) == []


def test_what_is_due_next_is_the_earliest_on_its_clock(store: Store) -> None:
    store.put(thing("a"), due_at=30)
    store.put(thing("b"), due_at=20)
    store.put(thing("c"), due_at=20)
    store.put(thing("d"), clock="clock_1", due_at=1)
    store.put(thing("e"))

    assert store.next_due("") == ("thing", "b", 20)
    assert store.next_due("clock_1") == ("thing", "d", 1)
    assert store.next_due("clock_2") is None
    store.put(thing("b"), due_at=None)
    assert store.next_due("") == ("thing", "c", 20)


def test_notes_are_kept_apart_from_documents(store: Store) -> None:
    assert store.note("offset") is None

    store.set_note("offset", 5)
    store.set_note("offset", {"days": [1, 2]})

    assert store.note("offset") == {"days": [1, 2]}
    assert ids(store) == []


def test_clearing_forgets_everything(store: Store) -> None:
    store.put(thing("a"))
    store.set_note("offset", 5)
    store.db.execute(
        "INSERT INTO deliveries (event, endpoint, due_at) VALUES ('e', 'w', 1)"
    )
    store.db.execute("INSERT INTO replays VALUES ('k', 'f', 200, '{}', 1)")

    store.clear()

    tables = ("documents", "notes", "deliveries", "replays")
    left = [
        store.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for table in tables
    ]
    assert left == [0, 0, 0, 0]


def test_a_second_process_reads_what_the_first_has_written(tmp_path: Path) -> None:
    first = Store(tmp_path / "new" / "state.sqlite3")
    first.put(thing("a", n=1))
    second = Store(tmp_path / "new" / "state.sqlite3")

    assert second.find("thing", "a") == thing("a", n=1)
    first.db.close()
    second.db.close()
