"""How much an organisation shows that it needs more: one statement for all of them.

score = Σ weight · min(count, cap) · 2^(−age ÷ 14 days), the age of each sign's latest.
Only what happened before the snapshot is read, so no score knows its own outcome.
"""

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.growth.holdout import is_held_out
from billing.growth.leads import open_by_score
from billing.growth.models import LeadScore
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

_SNAPSHOT = """
WITH sign AS (
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
), part AS (
  SELECT sign.*, weight.points * least(sign.times, weight.most)
         * power(2, -extract(epoch FROM %(at)s - sign.latest) / %(half_life)s) AS points
    FROM sign
    JOIN unnest(%(names)s::text[], %(points)s::int[], %(caps)s::int[])
      AS weight (name, points, most) ON weight.name = sign.name
)
INSERT INTO growth_leadscore (day, organisation_id, score, reasons)
SELECT %(day)s, part.organisation_id, sum(part.points),
       to_jsonb((array_agg(jsonb_build_object(
         'sign', part.name, 'times', part.times,
         'latest', (part.latest AT TIME ZONE 'UTC')::date,
         'points', round(part.points::numeric, 1)) ORDER BY part.points DESC, part.name))[1:3])
  FROM part
  JOIN accounts_organisation AS organisation ON organisation.id = part.organisation_id
  LEFT JOIN accounts_user AS owner
    ON owner.id = organisation.owner_id AND organisation.kind = 'personal'
 WHERE NOT coalesce(NOT owner.is_active OR owner.is_staff OR owner.is_internal, false)
 GROUP BY part.organisation_id
    ON CONFLICT DO NOTHING
"""


def score_organisations(at: datetime | None = None) -> int:
    """Take the day's snapshot of every score; return how many are new.

    A snapshot that was taken stays as it is, so that it can be judged by what came
    after it.
    """
    at = at or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _SNAPSHOT,
            {
                "at": at,
                "since": at - MEMORY,
                "month": at - timedelta(days=28),
                "day": at.astimezone(UTC).date(),
                "half_life": HALF_LIFE.total_seconds(),
                "names": list(map(str, SIGNS)),
                "points": [points for points, _most in SIGNS.values()],
                "caps": [most for _points, most in SIGNS.values()],
            },
        )
        return int(cursor.rowcount)


def open_leads_by_score(at: datetime | None = None) -> int:
    """Open a lead for each organisation in need; return how many are new.

    Not for who pays, nor for the permanent holdout: a call is an offer, too.
    """
    at = at or timezone.now()
    paying = OrganisationEntitlement.objects.exclude(plan=FREE.plan)
    found = (
        LeadScore.objects.filter(day=at.astimezone(UTC).date(), score__gte=THRESHOLD)
        .exclude(organisation_id__in=paying.values("pk"))
        .order_by("-score", "pk")
        .values_list("organisation_id", flat=True)
    )
    return sum(
        open_by_score(organisation_id)
        for organisation_id in list(found)
        if not is_held_out([organisation_id])
    )
