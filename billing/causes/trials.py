"""The comparisons a cause is judged by, each as if it had been an experiment.

A comparison has a start. What is known of the person is from before it, the cause
happens after it and within the exposure or does not, and the payment is from after the
exposure. So nothing that came of a payment, or of the cause, is taken for its reason.
Who paid before the exposure was over is not compared.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction

from billing.causes.causes import DESIGNS, FACTS, Cause
from billing.causes.stats.samples import TrialSample

# A payment that comes later has had other reasons; long enough for a month's budget.
WINDOW = timedelta(days=28)
# Half a year: enough comparisons, and still the same product.
MEMORY = timedelta(days=182)
# An interval of so many people is narrow enough for any decision, and their rows are
# some hundred megabytes. Beyond it, those are taken whose hash is smallest.
MOST_PEOPLE = 20_000

_TRIALS = """
WITH person AS MATERIALIZED (
  SELECT developer.user_id AS id, developer.activated_at, developer.first_call_at,
         developer.paid_at
    FROM conversion_developer AS developer
    JOIN accounts_user AS account ON account.id = developer.user_id
   WHERE developer.activated_at < %(at)s AND developer.excluded_at IS NULL
     AND account.is_active AND NOT account.is_staff AND NOT account.is_internal
   ORDER BY hashint8(developer.user_id), developer.user_id
   LIMIT %(most)s
), event AS MATERIALIZED (
  SELECT name, occurred_at AS at, subject, path, properties, organisation_id,
         coalesce(event.user_id, link.user_id) AS user_id
    FROM activity_event AS event
    LEFT JOIN activity_visitorlink AS link
      ON link.visitor_id = event.visitor_id AND event.user_id IS NULL
   WHERE occurred_at >= %(since)s AND occurred_at <= %(at)s
     AND name IN ('page_viewed', 'searched', 'topic_created', 'reply_posted',
                  'answer_accepted', 'contribution_credited', 'call_refused')
), did AS MATERIALIZED (
  SELECT user_id AS person, at, (properties->>'topic_id')::bigint AS topic,
         CASE WHEN name = 'searched' THEN 'search'
              WHEN name = 'topic_created' AND properties->>'kind' = 'question'
                THEN 'question'
              WHEN name = 'topic_created' THEN 'topic'
              WHEN name = 'reply_posted' THEN 'reply'
              WHEN name = 'answer_accepted' THEN 'accepting'
              WHEN name = 'contribution_credited' THEN 'contribution'
              WHEN subject LIKE 'doc:%%' THEN 'docs'
              WHEN path LIKE '/pricing/%%' THEN 'prices'
              ELSE 'page' END AS kind
    FROM event
   WHERE user_id IN (SELECT id FROM person) AND name <> 'call_refused'
   UNION ALL
  -- What others did to a question is its asker's: the one who opened the topic.
  SELECT asked.user_id, other.at, (other.properties->>'topic_id')::bigint,
         CASE WHEN other.name = 'reply_posted' THEN 'replied' ELSE 'accepted' END
    FROM event AS other
    JOIN event AS asked ON asked.name = 'topic_created'
     AND asked.properties->>'topic_id' = other.properties->>'topic_id'
     AND other.at >= asked.at
   WHERE (other.name = 'reply_posted' AND other.user_id <> asked.user_id)
      OR other.name = 'answer_accepted'
   UNION ALL
  SELECT account.developer_id, event.at, NULL, 'refused'
    FROM event
    JOIN conversion_account AS account
      ON account.organisation_id = event.organisation_id
   WHERE event.name = 'call_refused'
), starts AS MATERIALIZED ({starts}), open AS MATERIALIZED (
  SELECT row_number() OVER (ORDER BY starts.start, starts.person, starts.topic) AS id,
         starts.*, person.activated_at, person.first_call_at, person.paid_at
    FROM starts JOIN person ON person.id = starts.person
   WHERE person.activated_at <= starts.start
     AND (person.paid_at IS NULL OR person.paid_at >= starts.start + %(exposure)s)
), before AS (
  SELECT open.id, count(DISTINCT (did.at AT TIME ZONE 'UTC')::date)
                    FILTER (WHERE did.kind NOT IN ('replied', 'accepted', 'refused'))
                    AS days,
         count(*) FILTER (WHERE did.kind IN ('page', 'docs', 'prices')) AS pages,
         count(*) FILTER (WHERE did.kind = 'docs') AS docs,
         count(*) FILTER (WHERE did.kind = 'search') AS searches,
         count(*) FILTER (WHERE did.kind IN ('question', 'topic')) AS topics,
         count(*) FILTER (WHERE did.kind = 'reply') AS replies,
         count(*) FILTER (WHERE did.kind = 'refused') AS refused,
         count(*) FILTER (WHERE did.kind = 'prices') AS prices
    FROM open
    JOIN did ON did.person = open.person
     AND did.at >= open.start - interval '28 days' AND did.at < open.start
   GROUP BY open.id
), met AS (
  SELECT DISTINCT open.id
    FROM open
    JOIN did ON did.person = open.person AND {happened}
     AND (open.topic IS NULL OR did.topic = open.topic)
     AND did.at >= open.start AND did.at < open.start + %(exposure)s
), teams AS (
  SELECT part.developer_id, min(part.since) AS since
    FROM conversion_groupmember AS part
    JOIN accounts_organisation AS organisation
      ON organisation.id = part.account_id AND organisation.kind = 'team'
   GROUP BY part.developer_id
)
SELECT open.person, met.id IS NOT NULL,
       coalesce(open.paid_at < open.start + %(exposure)s + %(window)s, false),
       ln(1 + extract(epoch FROM open.start - open.activated_at) / 86400)::float,
       coalesce(days, 0)::float, ln(1 + coalesce(pages, 0))::float,
       ln(1 + coalesce(docs, 0))::float, ln(1 + coalesce(searches, 0))::float,
       coalesce(topics, 0)::float, coalesce(replies, 0)::float,
       coalesce(refused, 0)::float,
       coalesce(open.first_call_at < open.start, false)::int::float,
       coalesce(teams.since < open.start, false)::int::float,
       (extract(epoch FROM open.start - %(since)s) / 604800)::float,
       ln(1 + coalesce(prices, 0))::float
  FROM open
  LEFT JOIN before ON before.id = open.id
  LEFT JOIN met ON met.id = open.id
  LEFT JOIN teams ON teams.developer_id = open.person
 ORDER BY open.id
"""


def read_trials(cause: Cause, at: datetime) -> TrialSample:
    """Return the comparisons of a cause whose window for paying is over at ``at``."""
    design = DESIGNS[cause]
    statement = _TRIALS.format(starts=design.starts, happened=design.happened)
    values: dict[str, Any] = {
        "at": at,
        "since": at - MEMORY,
        "most": MOST_PEOPLE,
        "exposure": design.exposure,
        "window": WINDOW,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # At night, with nobody waiting: it reads half a year of the log.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(statement, values)
        return _sample(cursor.fetchall())


def _sample(rows: list[tuple[Any, ...]]) -> TrialSample:
    facts = np.array([row[3:] for row in rows], dtype=np.float64)
    return TrialSample(
        names=tuple(FACTS),
        covariates=facts.reshape(len(rows), len(FACTS)),
        treated=np.array([row[1] for row in rows], dtype=bool),
        outcome=np.array([row[2] for row in rows], dtype=bool),
        person=np.array([row[0] for row in rows], dtype=np.int64),
    )
