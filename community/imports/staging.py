"""A file beside the database that holds an export while it is checked and written.

Exports come in any order: answers before their questions, authors after their posts.
So everything is first put into SQLite, where it is looked up by key, however large,
and nothing of it needs to fit into memory. Readers fill the tables with what they find
and judge nothing; ``checking`` decides what cannot come along.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

# Rows that are handed to SQLite at once: some megabytes of text.
_AT_ONCE = 2_000

# ``why`` says what keeps a row from coming along; empty means nothing does. A reason
# that begins with "!" is damage, any other one a rule that holds for every forum.
_TABLES = """
CREATE TABLE people (key TEXT PRIMARY KEY, username TEXT, name TEXT, email TEXT,
  github TEXT, created TEXT) WITHOUT ROWID;
CREATE TABLE emails (person TEXT, email TEXT);
CREATE TABLE categories (key TEXT PRIMARY KEY, name TEXT, slug TEXT, about TEXT,
  parent TEXT, is_closed INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE TABLE asking (category TEXT);
CREATE TABLE topics (key TEXT PRIMARY KEY, title TEXT, kind TEXT, category TEXT,
  author TEXT, created TEXT, views INTEGER DEFAULT 0, is_locked INTEGER DEFAULT 0,
  why TEXT DEFAULT '') WITHOUT ROWID;
CREATE TABLE posts (key TEXT PRIMARY KEY, topic TEXT, number INTEGER, author TEXT,
  created TEXT, edited TEXT, text TEXT, is_html INTEGER DEFAULT 0,
  score INTEGER DEFAULT 0, is_opening INTEGER DEFAULT 0, why TEXT DEFAULT '');
CREATE TABLE comments (key TEXT PRIMARY KEY, post TEXT, author TEXT, created TEXT,
  text TEXT, score INTEGER DEFAULT 0, why TEXT DEFAULT '');
CREATE TABLE revisions (post TEXT, place INTEGER, author TEXT, created TEXT, text TEXT,
  title TEXT, reason TEXT, why TEXT DEFAULT '');
CREATE TABLE history (post TEXT, place INTEGER, step TEXT, field TEXT, author TEXT,
  created TEXT, text TEXT, reason TEXT);
CREATE TABLE tags (key TEXT PRIMARY KEY, name TEXT, synonym_of TEXT) WITHOUT ROWID;
CREATE TABLE tagged (topic TEXT, tag TEXT);
CREATE TABLE solutions (topic TEXT, post TEXT, created TEXT);
CREATE TABLE accepted (post TEXT, created TEXT);
CREATE TABLE files (name TEXT PRIMARY KEY, url TEXT) WITHOUT ROWID;
CREATE TABLE notes (name TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX posts_topic ON posts (topic, number);
CREATE INDEX comments_post ON comments (post);
CREATE INDEX revisions_post ON revisions (post, place);
CREATE INDEX history_post ON history (post, place);
CREATE INDEX tagged_topic ON tagged (topic);
CREATE INDEX solutions_topic ON solutions (topic);
CREATE INDEX accepted_post ON accepted (post);
CREATE INDEX emails_person ON emails (person);
"""


class Staging:
    """The tables of one export. A context that deletes its file at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = {}
        self.db = sqlite3.connect(path)
        self.db.row_factory = sqlite3.Row
        # It is made anew by every run: what a crash leaves behind is worth nothing.
        self.db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "PRAGMA temp_store = FILE; PRAGMA cache_size = -65536;" + _TABLES
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()
        self.path.unlink(missing_ok=True)

    def add(self, table: str, **values: Any) -> None:
        """Put a row into a table; of two with one key the first stays."""
        waiting = self._waiting.setdefault((table, tuple(values)), [])
        waiting.append(tuple(map(_storable, values.values())))
        if len(waiting) >= _AT_ONCE:
            self._flush(table, tuple(values))

    def note(self, what: str, count: int = 1) -> None:
        """Count something of the export that has no place here."""
        self.db.execute(
            "INSERT INTO notes VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET count = count + excluded.count",
            (what, count),
        )

    def flush(self) -> None:
        """Write what waits."""
        for table, columns in list(self._waiting):
            self._flush(table, columns)

    def finish(self) -> None:
        """Write what waits, and make rows quick to find by what they belong to."""
        self.flush()
        self.db.executescript(_INDEXES + "ANALYZE;")

    def run(self, statement: str, values: Mapping[str, Any] | None = None) -> int:
        """Change rows; return how many."""
        return self.db.execute(statement, values or {}).rowcount

    def rows(
        self, statement: str, values: Mapping[str, Any] | None = None
    ) -> Iterator[sqlite3.Row]:
        """Yield rows, one after the other."""
        yield from self.db.execute(statement, values or {})

    def number(self, statement: str) -> int:
        """Return one number."""
        return int(self.db.execute(statement).fetchone()[0] or 0)

    def rows_of(
        self, table: str, column: str, keys: Iterable[str], order: str
    ) -> dict[str, list[sqlite3.Row]]:
        """Return rows that come along, by what they belong to."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, list[sqlite3.Row]] = {key: [] for key in wanted}
        # SQLite takes 32 766 values in one statement; older ones 999.
        for start in range(0, len(wanted), 900):
            some = wanted[start : start + 900]
            marks = ", ".join("?" * len(some))
            for row in self.db.execute(
                f"SELECT * FROM {table} WHERE {column} IN ({marks}) ORDER BY {order}",  # noqa: S608 - our own names
                some,
            ):
                found[row[column]].append(row)
        return found

    def _flush(self, table: str, columns: tuple[str, ...]) -> None:
        rows = self._waiting.pop((table, columns), [])
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        before = self.db.total_changes
        self.db.executemany(
            f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - our own names
            rows,
        )
        doubled = len(rows) - (self.db.total_changes - before)
        # People and tags are named wherever they are met.
        if doubled and table in {"topics", "posts", "comments"}:
            self.note(f"{table} that stand in the export twice", doubled)


def _storable(value: Any) -> Any:
    """Return a value without halves of characters, which no file can hold."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
