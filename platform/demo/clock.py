"""One clock for everything: Python's, Django's and the database's, set by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest import mock

from django.db import connection
from django.utils import timezone

# Their names come first while the clock is held, so that SQL without a schema's name
# reads the time from the setting below.
_SCHEMA = "held_clock"
_SETTING = "demo.now"
_FUNCTIONS = ("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp")


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def set(self, moment: datetime) -> None:
        """Let it be ``moment``, in UTC as Django has it."""
        if moment == self.moment:
            return
        self.moment = moment.astimezone(UTC)
        self.set_database_clock()

    def set_database_clock(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config(%s, %s, true)", [_SETTING, self.moment.isoformat()]
            )


@contextmanager
def held(moment: datetime) -> Iterator[Clock]:
    """Let time stand still at ``moment``, until the clock that is given out is set.

    Who asks ``django.utils.timezone`` (as ``core.clock`` and every column that fills
    itself do) or the database for the time is told the clock's. Only inside a
    transaction; a crash takes the clock back with everything else.
    """
    clock = Clock(moment.astimezone(UTC))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {_SCHEMA}")
        for name in _FUNCTIONS:
            cursor.execute(
                f"CREATE FUNCTION {_SCHEMA}.{name}() RETURNS timestamptz LANGUAGE sql"
                f" STABLE AS $$ SELECT current_setting('{_SETTING}')::timestamptz $$"
            )
        cursor.execute(f"SET LOCAL search_path = {_SCHEMA}, pg_catalog, public")
    clock.set_database_clock()
    with mock.patch.object(timezone, "now", clock.now):
        yield clock
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path TO DEFAULT")
        cursor.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")
