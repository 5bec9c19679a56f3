"""How much an organisation shows that it needs more: one statement for all of them.

value of a sign = min(count, cap) · 2^(−age ÷ 14 days), the age of its latest;
score = Σ weight · value, or 100 / (1 + exp(−(intercept + Σ weight · value))) with
weights that were learnt. Engagement is the same sum over signs of being at home here.
Only what happened before the snapshot is read, so no score knows its own outcome.
"""

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.growth.holdout import is_held_out
from billing.growth.leads import open_by_score
from billing.growth.models import LeadScore, ScoreModel
from billing.growth.moments import Moment
from entitlements.features import FREE
from entitlements.models import OrganisationEntitlement

# After two weeks without a sign a score has halved: needs of projects pass.
HALF_LIFE = timedelta(days=14)
# Older signs have less than a hundredth of their points left.
MEMORY = timedelta(days=90)
# Reached by two strong signs and some use, and by none alone.
THRESHOLD = 50
USED_DAYS = "used_days"

# Each sign: points each, and how many of them count. What was refused says most; help
# for others says that a person is at home here, and little about what they need.
SIGNS: dict[str, tuple[int, int]] = {
    Moment.LIMIT_HIT: (15, 2),
    Moment.PREMIUM_REFUSED: (12, 3),
    Moment.PRICING_TWICE: (12, 2),
    Moment.ALLOWANCE_80: (10, 2),
    Moment.COLLEAGUE: (10, 3),
    Moment.CONTRIBUTION_MERGED: (6, 2),
    Moment.THIRD_ANSWER: (6, 1),
    USED_DAYS: (2, 10),
}
USED_DAYS_LABEL: Promise = _("Days with calls, of the last 28")
# Being at home here, of the last 28 days. To write takes more than to read; what was
# credited most.
ENGAGED: dict[str, tuple[int, int]] = {
    "came_days": (2, 10),
    "read_docs": (1, 10),
    "wrote": (4, 5),
    "credited": (8, 3),
}
ENGAGED_LABELS: dict[str, Promise] = {
    "came_days": _("Days on which its people came, of the last 28"),
    "read_docs": _("Pages of the documentation its people read"),
    "wrote": _("Topics and replies its people wrote"),
    "credited": _("Contributions of its people that were credited"),
}
# All that is kept of a snapshot, in the order in which a model learns from it.
SIGNALS = (*SIGNS, *ENGAGED)

_SNAPSHOT = """
WITH did AS MATERIALIZED (
  SELECT user_id, occurred_at,
         CASE WHEN name IN ('topic_created', 'reply_posted') THEN 'wrote'
              WHEN name = 'contribution_credited' THEN 'credited'
              WHEN name = 'page_viewed' AND subject LIKE 'doc:%%' THEN 'read_docs'
              ELSE '' END AS sign
    FROM activity_event
   WHERE occurred_at > %(month)s AND occurred_at <= %(at)s AND user_id IS NOT NULL
     AND name IN ('topic_created', 'reply_posted', 'contribution_credited',
                  'page_viewed')
), sign AS (
  SELECT organisation_id, moment AS name, count(*) AS times, max(decided_at) AS latest
    FROM growth_decision
   WHERE decided_at > %(since)s AND decided_at <= %(at)s AND reason <> 'excluded'
   GROUP BY organisation_id, moment
  UNION ALL
  SELECT organisation_id, 'used_days', count(DISTINCT ("window" AT TIME ZONE 'UTC')::date),
         max("window")
    FROM ledger_usagecost
   WHERE "window" > %(month)s AND "window" <= %(at)s
   GROUP BY organisation_id
   UNION ALL
  SELECT member.organisation_id, 'came_days',
         count(DISTINCT (event.occurred_at AT TIME ZONE 'UTC')::date),
         max(event.occurred_at)
    FROM did AS event JOIN accounts_membership AS member USING (user_id)
   WHERE member.created_at <= event.occurred_at
   GROUP BY member.organisation_id
   UNION ALL
  SELECT member.organisation_id, event.sign, count(*), max(event.occurred_at)
    FROM did AS event JOIN accounts_membership AS member USING (user_id)
   WHERE member.created_at <= event.occurred_at AND event.sign <> ''
   GROUP BY member.organisation_id, event.sign
), part AS (
  SELECT sign.*, weight.points, weight.engaged, least(sign.times, weight.most)
         * power(2, -extract(epoch FROM %(at)s - sign.latest) / %(half_life)s) AS value
    FROM sign
    JOIN unnest(%(names)s::text[], %(points)s::float[], %(engaged)s::int[],
                %(caps)s::int[])
      AS weight (name, points, engaged, most) ON weight.name = sign.name
)
INSERT INTO growth_leadscore (day, organisation_id, score, engagement, reasons, parts)
SELECT %(day)s, part.organisation_id,
       CASE WHEN %(is_learnt)s
            THEN 100 / (1 + exp(-(%(intercept)s + sum(part.points * part.value))))
            ELSE sum(part.points * part.value) END,
       sum(part.engaged * part.value),
       to_jsonb(coalesce((array_agg(jsonb_build_object(
         'sign', part.name, 'times', part.times,
         'latest', (part.latest AT TIME ZONE 'UTC')::date,
         'points', round((part.points * part.value)::numeric, 1))
         ORDER BY part.points * part.value DESC, part.name)
         FILTER (WHERE part.points > 0))[1:3], ARRAY[]::jsonb[])),
       jsonb_object_agg(part.name, part.value)
  FROM part
  JOIN accounts_organisation AS organisation ON organisation.id = part.organisation_id
  LEFT JOIN accounts_user AS owner
    ON owner.id = organisation.owner_id AND organisation.kind = 'personal'
 WHERE NOT coalesce(NOT owner.is_active OR owner.is_staff OR owner.is_internal, false)
 GROUP BY part.organisation_id
    ON CONFLICT DO NOTHING
"""


def label_of(sign: str) -> str:
    """Return what a sign is called, in the reader's language."""
    if sign == USED_DAYS:
        return str(USED_DAYS_LABEL)
    if sign in ENGAGED_LABELS:
        return str(ENGAGED_LABELS[sign])
    return str(Moment(sign).label)


def score_organisations(at: datetime | None = None) -> int:
    """Take the day's snapshot of every score; return how many are new.

    A snapshot that was taken stays as it is, so that it can be judged by what came
    after it.
    """
    at = at or timezone.now()
    model = ScoreModel.objects.in_force().first()
    learnt = model.weights if model else {}
    points = {name: points for name, (points, _most) in SIGNS.items()}
    with connection.cursor() as cursor:
        cursor.execute(
            _SNAPSHOT,
            {
                "at": at,
                "since": at - MEMORY,
                "month": at - timedelta(days=28),
                "day": at.astimezone(UTC).date(),
                "half_life": HALF_LIFE.total_seconds(),
                "is_learnt": model is not None,
                "intercept": model.intercept if model else 0.0,
                "names": list(map(str, SIGNALS)),
                "points": [
                    float((learnt if model else points).get(name, 0))
                    for name in SIGNALS
                ],
                "engaged": [ENGAGED.get(name, (0, 0))[0] for name in SIGNALS],
                "caps": [({**SIGNS, **ENGAGED})[name][1] for name in SIGNALS],
            },
        )
        return int(cursor.rowcount)


def threshold_in_force() -> float:
    """Return the score from which on an organisation is a lead."""
    model = ScoreModel.objects.in_force().first()
    return model.threshold if model else float(THRESHOLD)


def open_leads_by_score(at: datetime | None = None) -> int:
    """Open a lead for each organisation in need; return how many are new.

    Not for who pays, nor for the permanent holdout: a call is an offer, too.
    """
    at = at or timezone.now()
    paying = OrganisationEntitlement.objects.exclude(plan=FREE.plan)
    found = (
        LeadScore.objects.filter(
            day=at.astimezone(UTC).date(), score__gte=threshold_in_force()
        )
        .exclude(organisation_id__in=paying.values("pk"))
        .order_by("-score", "pk")
        .values_list("organisation_id", flat=True)
    )
    return sum(
        open_by_score(organisation_id)
        for organisation_id in list(found)
        if not is_held_out([organisation_id])
    )
