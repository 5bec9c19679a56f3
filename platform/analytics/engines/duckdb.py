"""The read side on a machine of its own: DuckDB in this process over Parquet files.

One writes at a time (``analytics.feed`` holds a lock), any number read. Each question
has a connection of its own with a limit of memory and of time; what does not fit in
memory goes to disk.
"""

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock, Timer
from typing import Any

import duckdb
from django.conf import settings

from analytics.answers import Answer
from analytics.engines import answering
from analytics.engines.manifest import Manifest, StoredPart, own_files, sweep
from analytics.engines.overhearing import Overheard
from analytics.engines.protocol import (
    Batch,
    Dimensions,
    NoAnswer,
    OutOfOrder,
    ReadSide,
    Volume,
)
from analytics.evaluation.moments import from_micros, to_micros
from analytics.judging import MALFORMED, UNKNOWN, Dictionary
from analytics.questions import Question

logger = logging.getLogger(__name__)

# What one question may hold in memory; a web process answers a few at once.
MEMORY = "400MB"
# In seconds: by then the one who asked has left the page.
PATIENCE = 20
# As many as the smallest machine we name has cores.
THREADS = 2
# Small files of a month are put together when there are so many: each costs a question
# about a millisecond, and putting them together writes the month's small rows again.
MOST_SMALL_PARTS = 12
# A file with more rows stays as it is: two full row groups.
SMALL_ROWS = 250_000
COLUMNS = {
    "id": "BIGINT",
    "moment": "BIGINT",
    "name": "VARCHAR",
    "actor": "BIGINT",
    "organisation": "BIGINT",
    "subject": "VARCHAR",
    "path": "VARCHAR",
    "source": "VARCHAR",
    "properties": "VARCHAR",
}
DIMENSIONS = {
    "links": {"actor": "BIGINT", "user_id": "BIGINT"},
    "people": {"user_id": "BIGINT", "is_counted": "BOOLEAN", "organisation": "BIGINT"},
    "organisations": {"organisation": "BIGINT"},
}
_JSON_TYPES = {
    "integer": "('BIGINT', 'UBIGINT', 'HUGEINT', 'NULL')",
    "number": "('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE', 'NULL')",
    "text": "('VARCHAR', 'NULL')",
    "boolean": "('BOOLEAN', 'NULL')",
}

# Where a question that outgrows the memory puts what it works on.
_SPILL = "spill"
_UNANSWERED = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.InterruptException,
)
# One question at a time in a process: together they would take the memory of two.
_TURN = Lock()


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for one's turn to ask. Raises ``NoAnswer`` after the patience of a page."""
    if not _TURN.acquire(timeout=PATIENCE):
        logger.warning("analytics.no_turn")
        raise NoAnswer
    try:
        yield
    finally:
        _TURN.release()


class DuckDB:
    """See ``analytics.engines.protocol.QuestionEngine``."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(settings.ANALYTICS_DIR)

    def answer(self, question: Question) -> Answer:
        with _turn():
            manifest = Manifest.read(self.folder)
            with self._connected(manifest) as connection:
                return answering.answer(connection, question, manifest.complete_at)

    def statements(self, question: Question) -> list[str]:
        with _turn():
            manifest = Manifest.read(self.folder)
            with self._connected(manifest) as connection:
                overheard = Overheard(connection)
                answering.answer(overheard, question, manifest.complete_at)
                return overheard.statements

    def feed(self, batch: Batch, dictionary: Dictionary) -> bool:
        manifest = Manifest.read(self.folder)
        if batch.until <= manifest.position:
            return False
        if batch.since != manifest.position:
            raise OutOfOrder(f"{batch.since} does not follow {manifest.position}")
        with self._writing() as connection:
            fault, values = _fault(dictionary)
            connection.execute(
                "CREATE TEMP TABLE batch AS SELECT *, "
                f"{fault} AS fault FROM {_csv(batch.file, COLUMNS)} AS e",
                values,
            )
            name = f"{batch.until.transaction}-{batch.until.event}"
            manifest = self._store(connection, manifest, name)
        replace(
            manifest,
            position=batch.until,
            judged_by=manifest.judged_by or dictionary.digest,
        ).write(self.folder)
        return True

    def learn(self, dimensions: Dimensions) -> None:
        manifest = Manifest.read(self.folder)
        names = {}
        with self._writing() as connection:
            for kind, columns in DIMENSIONS.items():
                name = f"{kind}-{dimensions.stamp}.parquet"
                source = _csv(getattr(dimensions, kind), columns)
                self._copy(connection, f"SELECT * FROM {source}", name)
                names[kind] = name
        replace(manifest, dimensions=names, stamp=dimensions.stamp).write(self.folder)

    def admit(self, dictionary: Dictionary) -> int:
        manifest = Manifest.read(self.folder)
        if manifest.judged_by == dictionary.digest:
            return 0
        admitted = 0
        if manifest.quarantine:
            with self._writing() as connection:
                fault, values = _fault(dictionary)
                held = _parquet(self.folder, manifest.quarantine)
                connection.execute(
                    "CREATE TEMP TABLE batch AS SELECT * EXCLUDE (fault), "
                    f"{fault} AS fault FROM {held} AS e",
                    values,
                )
                before = sum(part.rows for part in manifest.quarantine)
                manifest = replace(manifest, quarantine=())
                name = f"admitted-{dictionary.digest}-{manifest.position.event}"
                manifest = self._store(connection, manifest, name)
                admitted = before - sum(part.rows for part in manifest.quarantine)
        replace(manifest, judged_by=dictionary.digest).write(self.folder)
        return admitted

    def complete(self, at: datetime) -> None:
        manifest = replace(Manifest.read(self.folder), complete_at=at)
        for month, parts in manifest.months.items():
            small = [part for part in parts if part.rows < SMALL_ROWS]
            if len(small) >= MOST_SMALL_PARTS:
                manifest = self._merge(manifest, month, small)
        manifest.write(self.folder)
        sweep(self.folder, manifest)

    def state(self) -> ReadSide:
        manifest = Manifest.read(self.folder)
        quarantined = sum(part.rows for part in manifest.quarantine)
        parts = list(manifest.parts())
        return ReadSide(
            position=manifest.position,
            rows=sum(part.rows for part in parts) - quarantined,
            quarantined=quarantined,
            files=len(parts),
            size=sum(part.size for part in parts),
            stamp=manifest.stamp,
            complete_at=manifest.complete_at,
        )

    def volumes(self, *, since: datetime) -> list[Volume]:
        manifest = Manifest.read(self.folder)
        with self._connected(manifest) as connection:
            rows = connection.execute(
                "SELECT name, fault, count(*), count(*) FILTER (moment >= $1), max(moment)"
                " FROM (SELECT name, '' AS fault, moment FROM events"
                " UNION ALL SELECT name, fault, moment FROM quarantine)"
                " GROUP BY name, fault ORDER BY name, fault",
                [to_micros(since)],
            ).fetchall()
        return [
            Volume(name, fault, count, recent, from_micros(at))
            for name, fault, count, recent, at in rows
        ]

    def wipe(self) -> None:
        # The manifest goes first: without it the files belong to nothing.
        (self.folder / "manifest.json").unlink(missing_ok=True)
        for path in own_files(self.folder):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / _SPILL, ignore_errors=True)

    @contextmanager
    def _connected(self, manifest: Manifest) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection on which the read side's tables are views."""
        connection = duckdb.connect(":memory:")
        end = Timer(PATIENCE, connection.interrupt)
        end.start()
        try:
            self._configure(connection)
            parts = [part for parts in manifest.months.values() for part in parts]
            views = {
                "events": (_parquet(self.folder, parts), COLUMNS),
                "quarantine": (
                    _parquet(self.folder, manifest.quarantine),
                    {**COLUMNS, "fault": "VARCHAR"},
                ),
                **{
                    kind: (_file(self.folder, manifest.dimensions.get(kind)), columns)
                    for kind, columns in DIMENSIONS.items()
                },
            }
            for name, (source, columns) in views.items():
                rows = f"SELECT * FROM {source}" if source else _nothing(columns)
                connection.execute(f"CREATE VIEW {name} AS {rows}")
            yield connection
        except _UNANSWERED as error:
            logger.warning("analytics.no_answer", extra={"error": str(error)[:300]})
            raise NoAnswer from error
        finally:
            end.cancel()
            connection.close()

    @contextmanager
    def _writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        self.folder.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(":memory:")
        try:
            self._configure(connection)
            yield connection
        finally:
            connection.close()

    def _configure(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET threads = {THREADS}")
        connection.execute(f"SET temp_directory = {_quoted(self.folder / _SPILL)}")
        connection.execute("SET preserve_insertion_order = false")
        # Nothing is fetched or loaded from anywhere else.
        connection.execute("SET autoinstall_known_extensions = false")

    def _store(
        self, connection: duckdb.DuckDBPyConnection, manifest: Manifest, name: str
    ) -> Manifest:
        """Write the table ``batch`` into files, and return the manifest with them."""
        months = connection.execute(
            "SELECT DISTINCT strftime(make_timestamp(moment), '%Y-%m') AS month"
            " FROM batch WHERE fault = '' ORDER BY month"
        ).fetchall()
        for (month,) in months:
            part = self._copy(
                connection,
                "SELECT * EXCLUDE (fault) FROM batch WHERE fault = ''"
                f" AND strftime(make_timestamp(moment), '%Y-%m') = '{month}'"
                " ORDER BY name, moment, id",
                f"events-{month}-{name}.parquet",
            )
            manifest = manifest.with_parts(month, part)
        (held,) = connection.execute(
            "SELECT count(*) FROM batch WHERE fault <> ''"
        ).fetchone() or (0,)
        if held:
            part = self._copy(
                connection,
                "SELECT * FROM batch WHERE fault <> '' ORDER BY name, moment, id",
                f"quarantine-{name}.parquet",
            )
            manifest = replace(manifest, quarantine=(*manifest.quarantine, part))
        return manifest

    def _merge(
        self, manifest: Manifest, month: str, small: list[StoredPart]
    ) -> Manifest:
        with self._writing() as connection:
            merged = self._copy(
                connection,
                f"SELECT * FROM {_parquet(self.folder, small)}"
                " ORDER BY name, moment, id",
                f"events-{month}-merged-{manifest.position.transaction}"
                f"-{manifest.position.event}.parquet",
            )
        kept = tuple(part for part in manifest.months[month] if part not in small)
        return replace(manifest, months={**manifest.months, month: (*kept, merged)})

    def _copy(
        self, connection: duckdb.DuckDBPyConnection, query: str, name: str
    ) -> StoredPart:
        """Write a query's rows into a file that is on disk when this returns."""
        path = self.folder / name
        draft = path.with_suffix(".draft")
        # By name first: a question about a few names skips the row groups of others.
        connection.execute(
            f"COPY ({query}) TO {_quoted(draft)} (FORMAT parquet, COMPRESSION zstd)"
        )
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
        (rows,) = connection.execute(
            f"SELECT count(*) FROM {_file(self.folder, name)}"
        ).fetchone() or (0,)
        return StoredPart(name, rows, path.stat().st_size)


def _fault(dictionary: Dictionary) -> tuple[str, list[Any]]:
    """Return why an event ``e`` is not counted, in SQL; ``''`` when it is."""
    cases = []
    values: list[Any] = []
    for name, schema in sorted(dictionary.schemas.items()):
        wrong = " ".join(
            f"WHEN json_type(e.properties, '$.\"{key}\"') NOT IN {_JSON_TYPES[kind]}"
            f" THEN '{MALFORMED}: {key}'"
            for key, kind in sorted(schema.items())
            if kind in _JSON_TYPES
        )
        verdict = f"CASE {wrong} ELSE '' END" if wrong else "''"
        cases.append(f"WHEN e.name = ? THEN {verdict}")
        values.append(name)
    if not cases:
        return f"'{UNKNOWN}'", []
    return f"CASE {' '.join(cases)} ELSE '{UNKNOWN}' END", values


def _csv(path: Path, columns: dict[str, str]) -> str:
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return (
        f"read_csv({_quoted(path)}, header = false, auto_detect = false, delim = ',',"
        " quote = '\"', escape = '\"', new_line = '\\n', nullstr = '',"
        " allow_quoted_nulls = false, parallel = false, max_line_size = 16777216,"
        f" columns = {{{types}}})"
    )


def _parquet(folder: Path, parts: Sequence[StoredPart]) -> str:
    files = ", ".join(_quoted(folder / part.name) for part in parts)
    return f"read_parquet([{files}])" if files else ""


def _file(folder: Path, name: str | None) -> str:
    return f"read_parquet({_quoted(folder / name)})" if name else ""


def _nothing(columns: dict[str, str]) -> str:
    nulls = ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns.items())
    return f"SELECT {nulls} WHERE false"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
