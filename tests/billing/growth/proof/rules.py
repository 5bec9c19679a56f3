"""What may not be, as SQL over every surface: each statement finds the breaches.

The hash of the holdouts is computed by PostgreSQL, so that the proof does not ask the
code it is about. ``said_no`` is who wants no offers, and since when.
"""

from django.db import connection

from tests.billing.growth.proof.world import Town


def place_in_sql(what: str) -> str:
    """Return the first 32 bits of a SHA-256 as a fraction, in SQL."""
    digest = f"encode(sha256(convert_to({what}, 'UTF8')), 'hex')"
    return f"('x' || substr({digest}, 1, 8))::bit(32)::bigint / 4294967296.0"


# Who is held out: an organisation, and a person by each team of theirs, else their own,
# since they belong to it: what they saw before they joined is no breach.
_HELD = f"""
  held AS MATERIALIZED (
    SELECT id FROM accounts_organisation
     WHERE {place_in_sql("'holdout:' || id")} < %(share)s),
  held_person AS MATERIALIZED (
    SELECT member.user_id AS id, min(member.created_at) AS since
      FROM accounts_membership AS member
      JOIN accounts_organisation AS place ON place.id = member.organisation_id
      JOIN held ON held.id = place.id
     WHERE place.kind = 'team' OR NOT EXISTS (
       SELECT 1 FROM accounts_membership AS other
         JOIN accounts_organisation AS team ON team.id = other.organisation_id
        WHERE other.user_id = member.user_id AND team.kind = 'team')
     GROUP BY member.user_id)"""

# What reached a person, on whichever surface, and when.
_REACHED = """
  reached AS (
    SELECT user_id, seen_at AS at FROM growth_exposure
    UNION ALL
    SELECT user_id, created_at FROM notifications_notification WHERE kind = 'offers'
    UNION ALL
    SELECT user_id, created_at FROM notifications_emailmessage WHERE kind = 'offers'
    UNION ALL
    SELECT user_id, decided_at FROM growth_decision
     WHERE offer_id IS NOT NULL AND user_id IS NOT NULL)"""

RULES = {
    "an organisation that is held out was offered something": f"""
      WITH {_HELD} SELECT count(*) FROM growth_decision AS made
        JOIN accounts_organisation AS place ON place.id = made.organisation_id
       WHERE made.offer_id IS NOT NULL AND place.id IN (SELECT id FROM held)
         AND (place.kind = 'team' OR EXISTS (
           SELECT 1 FROM held_person
            WHERE id = place.owner_id AND since <= made.decided_at))""",
    "a person who is held out was reached": f"""
      WITH {_HELD}, {_REACHED} SELECT count(*) FROM reached
        JOIN held_person ON held_person.id = reached.user_id
         AND reached.at >= held_person.since""",
    "refusals of the API told somebody who is held out": f"""
      WITH {_HELD} SELECT count(*) FROM entitlements_hint AS hint
       WHERE EXISTS (SELECT 1 FROM accounts_membership AS member
                      WHERE member.organisation_id = hint.organisation_id
                        AND member.user_id IN (SELECT id FROM held_person))""",
    "an offer was made to whom it is kept from": f"""
      SELECT count(*) FROM growth_decision AS made
        JOIN growth_offer AS offer ON offer.id = made.offer_id
       WHERE {place_in_sql("'offer:' || offer.key || ':' || made.organisation_id")}
             < offer.holdout_percent / 100.0""",
    "a campaign offered something to whom it keeps out": f"""
      SELECT count(*) FROM growth_decision AS made
        JOIN growth_campaignstep AS step ON step.id = made.step_id
        JOIN growth_campaign AS campaign ON campaign.id = step.campaign_id
       WHERE made.offer_id IS NOT NULL
         AND {place_in_sql("'campaign:' || campaign.key || ':' || made.organisation_id")}
             < campaign.holdout_percent / 100.0""",
    "who had said no was reached": f"""
      WITH {_REACHED} SELECT count(*) FROM reached
        JOIN said_no ON said_no.user_id = reached.user_id AND reached.at > said_no.at""",
    "a mail went to a person who never asked for offers by mail": """
      SELECT count(*) FROM notifications_emailmessage AS mail
       WHERE kind = 'offers' AND NOT EXISTS (
         SELECT 1 FROM asked_for_mail WHERE user_id = mail.user_id)""",
    "a person was told in their night": """
      SELECT count(*) FROM notifications_notification AS told
        JOIN accounts_user AS person ON person.id = told.user_id
       WHERE told.kind = 'offers' AND NOT extract(hour FROM told.created_at
         AT TIME ZONE coalesce(nullif(person.time_zone, ''), 'UTC'))
         BETWEEN 8 AND 19""",
    "a unit or a person had two offers on a day": """
      SELECT count(*) FROM (
        SELECT 1 FROM growth_decision WHERE offer_id IS NOT NULL
         GROUP BY organisation_id, (decided_at AT TIME ZONE 'UTC')::date
        HAVING count(*) > 1
        UNION ALL
        SELECT 1 FROM growth_decision
         WHERE offer_id IS NOT NULL AND user_id IS NOT NULL
         GROUP BY user_id, (decided_at AT TIME ZONE 'UTC')::date
        HAVING count(*) > 1) AS twice""",
    "a unit had more than three offers in seven days": """
      SELECT count(*) FROM (
        SELECT count(*) OVER (
                 PARTITION BY organisation_id ORDER BY decided_at
                 RANGE BETWEEN interval '7 days' - interval '1 microsecond' PRECEDING
                           AND CURRENT ROW) AS in_week
          FROM growth_decision WHERE offer_id IS NOT NULL) AS weeks
       WHERE in_week > 3""",
    "an occasion was decided twice": """
      SELECT count(*) FROM (
        SELECT 1 FROM growth_decision GROUP BY moment, organisation_id, occasion
        HAVING count(*) > 1) AS twice""",
    "a person was told twice of an offer, or mailed twice": """
      SELECT (SELECT count(*) FROM notifications_notification
               WHERE kind = 'offers' AND count > 1)
           + (SELECT count(*) FROM (
                SELECT 1 FROM notifications_emailmessage WHERE kind = 'offers'
                 GROUP BY notification_id HAVING count(*) > 1) AS twice)""",
    "a campaign's step was taken twice": """
      SELECT count(*) FROM (
        SELECT 1 FROM growth_decision WHERE step_id IS NOT NULL AND reason <> 'cap'
         GROUP BY step_id, organisation_id HAVING count(*) > 1) AS twice""",
    "what is reserved is not what stands": """
      SELECT count(*) FROM growth_offer AS offer
       WHERE reserved_nano > budget_nano OR reserved_nano <> (
         SELECT coalesce(sum(reserved_nano), 0) FROM growth_decision
          WHERE offer_id = offer.id AND released_at IS NULL)""",
    "something was seen that was never offered": """
      SELECT count(*) FROM growth_exposure AS seen
        JOIN growth_decision AS made ON made.id = seen.decision_id
       WHERE made.offer_id IS NULL""",
}


def breaches(town: Town, *, asked_for_mail: list[int], share: float) -> dict[str, int]:
    """Return every rule that was broken, and how often."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE said_no (user_id bigint, at timestamptz)")
        cursor.executemany(
            "INSERT INTO said_no VALUES (%s, %s)", list(town.refusals.items())
        )
        cursor.execute("CREATE TEMP TABLE asked_for_mail (user_id bigint)")
        cursor.executemany(
            "INSERT INTO asked_for_mail VALUES (%s)", [(pk,) for pk in asked_for_mail]
        )
        for name, statement in RULES.items():
            cursor.execute(statement, {"share": share})
            if count := cursor.fetchone()[0]:
                found[name] = count
        cursor.execute("DROP TABLE said_no, asked_for_mail")
    return found
