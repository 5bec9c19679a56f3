"""Moving work from the tables of the queues there were before, while both run.

Processes of the release before go on writing their own columns until they end. From the
moment a table is carried over a trigger turns what they leave to do into a job, and
marks their row as settled, so that they never begin it themselves: nothing is done by
both. Columns and triggers go with a later release, when nobody writes them any more.
"""

import time
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction

# A table is waited for this often, half a second each, so for a minute:
# a worker that is in the middle of something goes first.
TRIES = 60
# So many rows of a kilobyte are copied well within any limit for statements.
BATCH = 5000

_COLUMNS = (
    "kind, subject, part, state, attempts, due_at, last_error, created_at, finished_at"
)
_TRIGGER = """
CREATE OR REPLACE FUNCTION {table}_to_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO jobs_job ({columns}) SELECT {values}
  ON CONFLICT (kind, subject, part) DO UPDATE
     SET state = 'waiting', attempts = excluded.attempts, due_at = excluded.due_at,
         last_error = excluded.last_error, finished_at = NULL
   WHERE excluded.state = 'waiting' AND jobs_job.state IN ({reopened});
  NEW.state := '{settled}';
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER {table}_to_jobs BEFORE INSERT OR UPDATE ON {table}
  FOR EACH ROW WHEN (NEW.state <> '{settled}') EXECUTE FUNCTION {table}_to_jobs();
"""
# What is written from now on has a job; the old columns say nothing about it.
_DEFAULTS = """
ALTER TABLE {table} ALTER COLUMN state SET DEFAULT '{settled}',
  ALTER COLUMN attempts SET DEFAULT 0, ALTER COLUMN due_at SET DEFAULT now(),
  ALTER COLUMN last_error SET DEFAULT '';
"""
_CARRY = """
INSERT INTO jobs_job ({columns}) SELECT {values} FROM {table} AS old
 WHERE {which} ORDER BY {created}, {key} ON CONFLICT DO NOTHING
"""
_SETTLE = "UPDATE {table} SET state = '{settled}' WHERE state IN ({waiting})"
_BACK = """
DROP TRIGGER IF EXISTS {table}_to_jobs ON {table};
DROP FUNCTION IF EXISTS {table}_to_jobs();
UPDATE {table} AS old
   SET state = CASE job.state WHEN 'waiting' THEN '{first}' WHEN 'dead' THEN 'dead'
                    WHEN 'ignored' THEN '{ignored}' ELSE '{settled}' END,
       attempts = job.attempts, due_at = job.due_at, last_error = job.last_error,
       {ended} = CASE WHEN job.state IN ('done', 'ignored') THEN job.finished_at END
  FROM jobs_job AS job
 WHERE job.kind = '{kind}' AND job.subject = {key}::text AND job.part = {part};
DELETE FROM jobs_job WHERE kind = '{kind}';
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """A table that was a queue of its own; ``old.`` stands for its row.

    ``settled`` is its word for what is done, ``waiting`` are those for what is to be,
    ``ended`` its column with the time of the end. ``before`` and ``back`` are
    statements of its own, each way.
    """

    table: str
    kind: str
    key: str
    created: str
    ended: str
    waiting: tuple[str, ...]
    settled: str = "done"
    ignored: str = "ignored"
    part: str = "''"
    reopened: tuple[str, ...] = ("dead",)
    lock: tuple[str, ...] = ()
    before: str = ""
    back: str = ""

    def carry_over(self, *_: Any) -> None:
        """Move what is not settled, and have what comes later follow it."""
        # Pages show what became of a thing: that of the last hour may have been missed.
        recent = f"old.{self.ended} > now() - interval '1 hour'"
        statements = [
            self._sql(_TRIGGER, values=self._values().replace("old.", "NEW.")),
            self._sql(_DEFAULTS),
            self._sql(_CARRY, which=f"NOT ({self._over()}) OR {recent}"),
            self._sql(_SETTLE),
            self.before,
        ]
        self._alone(statements)

    def carry_history(self, *_: Any) -> None:
        """Copy what is over, in batches: pages show it, and let it be retried."""
        place = f"SELECT {self.key} FROM {self.table} AS old"  # noqa: S608 - ours
        last: Any = None
        while True:
            beyond = "" if last is None else f" WHERE {self.key} > %(last)s"
            batch = f"{place}{beyond} ORDER BY {self.key} LIMIT {BATCH}"
            which = f"{self._over()} AND {self.key} IN ({batch})"
            with connection.cursor() as cursor:
                cursor.execute(self._sql(_CARRY, which=which), {"last": last})
                highest_of = f"SELECT max(found) FROM ({batch}) AS a(found)"  # noqa: S608
                cursor.execute(highest_of, {"last": last})
                highest = cursor.fetchone()[0]
            if highest is None:
                return
            last = highest

    def bring_back(self, *_: Any) -> None:
        """Undo ``carry_over``: the table is the queue again, as the jobs are now."""
        self._alone([self.back, self._sql(_BACK)])

    def _over(self) -> str:
        return f"old.state IN ('{self.settled}', '{self.ignored}')"

    def _values(self) -> str:
        waiting = f"old.state IN ({_quoted(self.waiting)})"
        done = f"old.state = '{self.settled}'"
        state = (
            f"CASE WHEN {waiting} THEN 'waiting' WHEN {done} THEN 'done'"
            " ELSE old.state END"
        )
        ended = f"coalesce(old.{self.ended}, now())"
        return (
            f"'{self.kind}', {self.key}::text, {self.part}, {state}, old.attempts,"
            f" old.due_at, old.last_error, {self.created},"
            f" CASE WHEN {waiting} THEN NULL ELSE {ended} END"
        )

    def _sql(self, template: str, **more: str) -> str:
        names = {
            "table": self.table,
            "kind": self.kind,
            "key": self.key,
            "part": self.part,
            "created": self.created,
            "ended": self.ended,
            "settled": self.settled,
            "ignored": self.ignored,
            "first": self.waiting[0],
            "waiting": _quoted(self.waiting),
            "reopened": _quoted(self.reopened),
            "columns": _COLUMNS,
            "values": self._values(),
            **more,
        }
        return template.format(**names)

    def _alone(self, statements: list[str]) -> None:
        """Run statements while nobody else is at work on the table.

        Workers hold their rows for milliseconds. Waiting long would hold up the
        requests that come after us, so we let them pass and try again.
        """
        tables = ", ".join((*self.lock, self.table))
        for attempt in range(TRIES):
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '500ms'")
                    cursor.execute("SET LOCAL statement_timeout = 0")
                    cursor.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
                    for statement in filter(None, statements):
                        cursor.execute(statement)
            except OperationalError:
                if attempt == TRIES - 1:
                    raise
                time.sleep(0.5)
            else:
                return


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
