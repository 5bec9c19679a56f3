"""When each person had a need for the first time."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from knowledge.registry import Need
from knowledge.sittings import MEMORY

# An event that names no person is that of each member of its organisation at the time.
_FIRST = """
SELECT person, min(at) FROM (
  SELECT coalesce(event.user_id, link.user_id, member.user_id) AS person,
         event.occurred_at AS at
    FROM activity_event AS event
    LEFT JOIN activity_visitorlink AS link
      ON link.visitor_id = event.visitor_id AND event.user_id IS NULL
    LEFT JOIN accounts_membership AS member
      ON member.organisation_id = event.organisation_id
     AND event.user_id IS NULL AND link.user_id IS NULL
     AND member.created_at <= event.occurred_at
   WHERE event.name = %(event)s AND event.occurred_at < %(at)s
     AND event.occurred_at >= %(since)s
     AND (%(code)s = '' OR event.properties->>'code' = %(code)s)
     AND (%(path)s = '' OR starts_with(event.path, %(path)s))
) AS needed
 WHERE person IS NOT NULL GROUP BY person
"""
# So long before the readings begin: who had the need then does not have it anew.
BEFORE = timedelta(days=90)


def first_needs(need: Need, at: datetime) -> dict[int, datetime]:
    """Return when each person first had a need, of the last half year."""
    values: dict[str, Any] = {
        "event": need.event,
        "code": need.code,
        "path": need.path,
        "at": at,
        "since": at - MEMORY - BEFORE,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_FIRST, values)
        return dict(cursor.fetchall())
