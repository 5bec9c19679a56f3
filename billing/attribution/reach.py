"""Telling authors on how many ways to a payment their topics and answers were."""

from django.db import connection, transaction
from django.utils import timezone

from billing.attribution.models import ToldReach
from contracts.billing import WorkReached
from outbox import publish

# Of fewer, who knows one of them could tell the others apart.
FEWEST = 3
# An author's own organisations are none that they reached.
REACH_SQL = """
WITH reached AS (
  SELECT DISTINCT touch.kind, touch.key, touch.way_id
  FROM attribution_touch touch
  JOIN attribution_way way ON way.organisation_id = touch.way_id AND way.is_paid
  JOIN conversion_account account ON account.organisation_id = touch.way_id
  WHERE touch.kind IN ('topic', 'answer')
    AND account.revenue > 0 AND account.excluded_at IS NULL
), enough AS (
  SELECT kind, key FROM reached GROUP BY kind, key HAVING count(*) >= %(fewest)s
), written AS (
  SELECT enough.kind, enough.key, event.user_id AS author_id
  FROM enough JOIN activity_event event
    ON event.name = 'topic_created' AND event.subject = 'topic:' || enough.key
  WHERE enough.kind = 'topic'
  UNION
  SELECT enough.kind, enough.key, (event.properties->>'author_id')::bigint
  FROM enough JOIN activity_event event
    ON event.name = 'answer_accepted' AND event.properties->>'answer_id' = enough.key
  WHERE enough.kind = 'answer'
)
SELECT written.kind, written.key, written.author_id, count(*)
FROM written JOIN reached ON reached.kind = written.kind AND reached.key = written.key
WHERE NOT EXISTS (
  SELECT 1 FROM conversion_groupmember part
  WHERE part.account_id = reached.way_id AND part.developer_id = written.author_id)
GROUP BY written.kind, written.key, written.author_id HAVING count(*) >= %(fewest)s
ORDER BY written.kind, written.key
"""


@transaction.atomic
def publish_reach() -> int:
    """Publish what changed since authors were told; return how many numbers did.

    Organisations count whose money has not all gone back. What falls below the fewest
    is told once more, as 0.
    """
    with connection.cursor() as cursor:
        cursor.execute(REACH_SQL, {"fewest": FEWEST})
        found = {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}
    told = {
        (row.kind, row.key): row
        for row in ToldReach.objects.select_for_update().order_by("pk")
    }
    news = 0
    for kind, key in sorted({*found, *told}):
        author_id, organisations = found.get((kind, key), (None, 0))
        before = told.get((kind, key))
        if organisations == (before.organisations if before else 0):
            continue
        publish(
            WorkReached(
                kind=kind,
                object_id=int(key),
                author_id=author_id,
                organisations=organisations,
            )
        )
        ToldReach.objects.update_or_create(
            kind=kind,
            key=key,
            defaults={"organisations": organisations, "told_at": timezone.now()},
        )
        news += 1
    return news
