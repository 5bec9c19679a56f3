"""What levels are measured from: one statement for any number of people."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from django.db import connection

# Days; what regulars are measured over, as in Discourse.
WINDOW = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """What one person did and met with; ``recent`` is of the last ``WINDOW`` days.

    Votes are votes up of others on their posts or of theirs on others'. ``helped``
    counts accepted answers between them and others, given and got. Reports count once
    a moderator found them right.
    """

    days_here: int = 0
    days_visited: int = 0
    topics_read: int = 0
    posts_read: int = 0
    topics_replied: int = 0
    votes_given: int = 0
    helped: int = 0
    reports_upheld: int = 0
    sanctions_recent: int = 0
    days_visited_recent: int = 0
    topics_read_recent: int = 0
    topics_replied_recent: int = 0
    votes_given_recent: int = 0
    votes_got_recent: int = 0
    voters_recent: int = 0
    voting_days_recent: int = 0


_FIGURES = """
WITH person AS (
  SELECT id, date_joined FROM accounts_user WHERE id = ANY(%(people)s)
), since AS (
  SELECT now() - make_interval(days => %(window)s) AS at,
         (now() AT TIME ZONE 'UTC')::date - %(window)s AS day
)
SELECT person.id,
  extract(day FROM now() - person.date_joined)::int,
  reading.days, reading.topics, reading.posts,
  written.topics, given.votes, helping.times, upheld.reports, imposed.times,
  reading.days_recent, reading.topics_recent, written.topics_recent,
  given.votes_recent, got.votes, got.voters, got.days
FROM person CROSS JOIN since
CROSS JOIN LATERAL (
  SELECT count(*) AS days, coalesce(sum(topics), 0) AS topics,
         coalesce(sum(posts), 0) AS posts,
         count(*) FILTER (WHERE day > since.day) AS days_recent,
         coalesce(sum(topics) FILTER (WHERE day > since.day), 0) AS topics_recent
    FROM forum_readingday WHERE user_id = person.id
) AS reading
CROSS JOIN LATERAL (
  SELECT count(DISTINCT post.topic_id) AS topics,
         count(DISTINCT post.topic_id) FILTER (WHERE post.created_at > since.at)
           AS topics_recent
    FROM forum_post AS post JOIN forum_topic AS topic ON topic.id = post.topic_id
   WHERE post.author_id = person.id AND post.number > 1 AND post.hidden_at IS NULL
     AND topic.author_id <> person.id
) AS written
CROSS JOIN LATERAL (
  SELECT count(*) AS votes,
         count(*) FILTER (WHERE voted_at > since.at) AS votes_recent
    FROM forum_vote WHERE user_id = person.id AND value = 1
) AS given
CROSS JOIN LATERAL (
  SELECT (SELECT count(*) FROM forum_post AS answer
            JOIN forum_topic AS topic ON topic.solution_id = answer.id
           WHERE answer.author_id = person.id AND topic.author_id <> person.id)
       + (SELECT count(*) FROM forum_topic AS topic
            JOIN forum_post AS answer ON answer.id = topic.solution_id
           WHERE topic.author_id = person.id AND answer.author_id <> person.id)
       AS times
) AS helping
CROSS JOIN LATERAL (
  SELECT count(DISTINCT flag.person_id) AS reports
    FROM moderation_case AS held JOIN moderation_flag AS flag ON flag.case_id = held.id
   WHERE held.subject_id = person.id AND held.outcome = 'agreed'
     AND held.decided_at > since.at AND flag.person_id <> person.id
) AS upheld
CROSS JOIN LATERAL (
  SELECT count(*) AS times FROM standing_sanction
   WHERE user_id = person.id
     AND created_at > since.at AND (lifted_at IS NULL OR lifted_at > created_at
                                    + interval '1 day')
) AS imposed
CROSS JOIN LATERAL (
  SELECT count(*) AS votes, count(DISTINCT vote.user_id) AS voters,
         count(DISTINCT vote.voted_at::date) AS days
    FROM forum_post AS post JOIN forum_vote AS vote ON vote.post_id = post.id
   WHERE post.author_id = person.id AND vote.value = 1 AND vote.voted_at > since.at
) AS got
ORDER BY person.id
"""


def figures_of(people: Iterable[int]) -> dict[int, Figures]:
    """Return the figures of people by their keys."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"people": list(people), "window": WINDOW})
        return {pk: Figures(*map(int, row)) for pk, *row in cursor.fetchall()}


NAMES = tuple(each.name for each in fields(Figures))
