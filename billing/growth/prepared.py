"""Statements that PostgreSQL plans once for a connection, not at every use.

Planning one that reads a dozen tables takes longer than running it. Django sends values
inside the text of a statement, so it would be planned anew each time.
"""

import re
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from django.db import connection

_NAMED = re.compile(r"%\((\w+)\)s")


class Prepared:
    """A statement that names its values as ``%(name)s``, with the type of each.

    It is prepared at its first use on a connection, by a query more. A connection
    through a pooler has to be the same for the whole session.
    """

    def __init__(self, name: str, statement: str, types: Mapping[str, str]) -> None:
        places = {value: f"${place}" for place, value in enumerate(types, 1)}
        numbered = _NAMED.sub(lambda found: places[found[1]], statement)
        self._prepare = f"PREPARE {name} ({', '.join(types.values())}) AS {numbered}"
        values = ", ".join(f"%({value})s" for value in types)
        self._execute = f"EXECUTE {name} ({values})"
        self._ready: WeakSet[Any] = WeakSet()

    def run(self, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the first row, if there is one."""
        with connection.cursor() as cursor:
            session = connection.connection
            if session not in self._ready:
                cursor.execute(self._prepare)
                self._ready.add(session)
            cursor.execute(self._execute, dict(values))
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row
