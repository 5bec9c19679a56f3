"""One advisory lock for each of Stripe's objects, and the clock they go by."""

import hashlib
from datetime import datetime

from django.db import connection


def lock_object(object_id: str) -> None:
    """Wait for the object's lock and hold it until the transaction ends."""
    digest = hashlib.sha256(f"stripe:{object_id}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def database_now() -> datetime:
    """Return the database's clock, by which all workers agree what is newer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
