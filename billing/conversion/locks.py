"""A rebuild and the facts that arrive meanwhile wait for one another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection, transaction

P = ParamSpec("P")
R = TypeVar("R")
# Separates ours from other advisory locks in the same database.
_KEY = 0x5A1F0


def beside_rebuilds(service: Callable[P, R]) -> Callable[P, R]:
    """Run a change in a transaction of its own kind, never in the midst of a rebuild.

    Any number of changes run at once; a rebuild waits for them, and they for it.
    """

    @wraps(service)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_KEY])
            return service(*args, **kwargs)

    return wrapped


@contextmanager
def alone() -> Iterator[None]:
    """Keep every change away, then look at the database as it is at one moment.

    The lock is taken before the transaction, whose first statement fixes what it
    sees: facts, ledger and log belong together only as of the same moment.
    """
    is_outermost = not connection.in_atomic_block
    with connection.cursor() as cursor:
        # However long the changes under way take.
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [_KEY])
    try:
        with transaction.atomic():
            if is_outermost:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_KEY])
            cursor.execute("RESET lock_timeout")
