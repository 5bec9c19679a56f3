"""Every object as one JSON document in SQLite; a request is one transaction."""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stripe_emulator.errors import ApiError

Document = dict[str, Any]
SLICE = 200

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    customer TEXT NOT NULL DEFAULT '',
    clock TEXT NOT NULL DEFAULT '',
    due_at INTEGER,
    body TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS documents_by_kind ON documents (kind, seq);
CREATE INDEX IF NOT EXISTS documents_by_customer ON documents (customer, kind, seq);
CREATE INDEX IF NOT EXISTS documents_due ON documents (clock, due_at)
    WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL,
    state TEXT NOT NULL DEFAULT 'pending',
    answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at)
    WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS replays (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


class Store:
    """Documents by kind and id, with an identity map while a transaction lasts."""

    def __init__(self, path: Path | str) -> None:
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.execute("PRAGMA cache_size=-2000")
        self.db.executescript(SCHEMA)
        self._loaded: dict[tuple[str, str], Document] = {}
        self._changed: dict[tuple[str, str], Document] = {}
        self._open = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything that happens inside, or nothing of it.

        Nested use joins the outer transaction. A refusal marked ``keep_changes``
        (a card declined on an invoice) is committed before it is raised.
        """
        if self._open:
            yield
            return
        self.db.execute("BEGIN IMMEDIATE")
        self._open = True
        try:
            yield
        except ApiError as refusal:
            if refusal.keep_changes:
                self._flush()
                self.db.execute("COMMIT")
            else:
                self.db.execute("ROLLBACK")
            raise
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        else:
            self._flush()
            self.db.execute("COMMIT")
        finally:
            self._open = False
            self._loaded.clear()
            self._changed.clear()

    def put(
        self, document: Document, *, clock: str = "", due_at: int | None = None
    ) -> Document:
        """Write ``document``; later changes in this transaction are written too."""
        kind, identifier = document["object"], document["id"]
        customer = document.get("customer") or document.get("_customer")
        self.db.execute(
            "INSERT INTO documents (kind, id, customer, clock, due_at, body)"
            " VALUES (?, ?, ?, ?, ?, '{}') ON CONFLICT (kind, id) DO UPDATE SET"
            " customer = excluded.customer, clock = excluded.clock,"
            " due_at = excluded.due_at",
            (
                kind,
                identifier,
                customer if isinstance(customer, str) else "",
                clock,
                due_at,
            ),
        )
        self._loaded[kind, identifier] = document
        self._changed[kind, identifier] = document
        if not self._open:
            self._flush()
        return document

    def find(self, kind: str, identifier: str) -> Document | None:
        """The document, or None."""
        known = self._loaded.get((kind, identifier))
        if known is not None:
            return known
        row = self.db.execute(
            "SELECT body FROM documents WHERE kind = ? AND id = ?", (kind, identifier)
        ).fetchone()
        return self._remember(json.loads(row[0])) if row else None

    def scan(
        self,
        kind: str,
        *,
        customer: str | None = None,
        before: str | None = None,
        after: str | None = None,
        match: Callable[[Document], bool] | None = None,
    ) -> Iterator[Document]:
        """Documents newest first; ``after`` walks on from an id, ``before`` back."""
        self._flush()
        where, values = ["kind = ?"], [kind]
        if customer is not None:
            where.append("customer = ?")
            values.append(customer)
        for cursor, side in ((after, "<"), (before, ">")):
            if cursor is not None:
                where.append(
                    f"seq {side} (SELECT seq FROM documents WHERE kind = ? AND id = ?)"  # noqa: S608
                )
                values += [kind, cursor]
        sign, order = (">", "ASC") if before is not None else ("<", "DESC")
        seq = -1 if before is not None else sys.maxsize
        # In slices, so that no statement stays open while the caller writes.
        while True:
            rows = self.db.execute(
                f"SELECT seq, id, body FROM documents WHERE {' AND '.join(where)}"  # noqa: S608
                f" AND seq {sign} ? ORDER BY seq {order} LIMIT {SLICE}",
                [*values, seq],
            ).fetchall()
            for seq, identifier, body in rows:  # noqa: B007
                found = self._loaded.get((kind, identifier))
                found = found or self._remember(json.loads(body))
                if not found.get("deleted") and (match is None or match(found)):
                    yield found
            if len(rows) < SLICE:
                return

    def next_due(self, clock: str) -> tuple[str, str, int] | None:
        """The kind, id and time of the next thing that happens on ``clock``."""
        row = self.db.execute(
            "SELECT kind, id, due_at FROM documents"
            " WHERE clock = ? AND due_at IS NOT NULL ORDER BY due_at, seq LIMIT 1",
            (clock,),
        ).fetchone()
        return tuple(row) if row else None

    def remove(self, kind: str, identifier: str) -> None:
        """Forget a document altogether."""
        self._loaded.pop((kind, identifier), None)
        self._changed.pop((kind, identifier), None)
        self.db.execute(
            "DELETE FROM documents WHERE kind = ? AND id = ?", (kind, identifier)
        )

    def note(self, name: str) -> Any:
        """A small setting of the emulator itself."""
        row = self.db.execute(
            "SELECT body FROM notes WHERE name = ?", (name,)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def set_note(self, name: str, value: Any) -> None:
        """Keep a small setting across restarts."""
        self.db.execute(
            "INSERT OR REPLACE INTO notes (name, body) VALUES (?, ?)",
            (name, json.dumps(value)),
        )

    def clear(self) -> None:
        """Drop every object, event, delivery and replay."""
        for table in ("documents", "deliveries", "replays", "notes"):
            self.db.execute(f"DELETE FROM {table}")  # noqa: S608

    def _remember(self, document: Document) -> Document:
        if self._open:
            self._loaded[document["object"], document["id"]] = document
        return document

    def _flush(self) -> None:
        for (kind, identifier), document in self._changed.items():
            self.db.execute(
                "UPDATE documents SET body = ? WHERE kind = ? AND id = ?",
                (json.dumps(document, ensure_ascii=False), kind, identifier),
            )
        self._changed.clear()
