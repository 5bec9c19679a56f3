"""Advisory locks: one per Stripe object, one per inbox row."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection

# Separates ours from other advisory locks in the same database.
_SPACE = 0x5781


def lock_object(object_id: str) -> None:
    """Wait for the object's lock and hold it until the transaction ends."""
    digest = hashlib.sha256(f"stripe:{object_id}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


@contextmanager
def inbox_lock(pk: int) -> Iterator[bool]:
    """Hold an inbox row's lock without a transaction; yields whether it was free.

    It belongs to the connection: when a worker is killed PostgreSQL frees it at
    once, and no transaction stays open while Stripe is asked. It needs session
    pooling (not transaction pooling) between us and PostgreSQL.
    """
    key = pk % 2**31
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_SPACE, key])
        is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_SPACE, key])


def database_now() -> datetime:
    """Return the database's clock, by which all workers agree what is newer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
