"""How well past scores told who would pay, from snapshots that are never taken again.

A snapshot knows what had happened by its day. It is judged by payments of the 28 days
after that day, and only for organisations that had not paid by then: so no score is
ever praised for what it could read in the payment itself.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from billing.growth.models import ScoreJudgement
from billing.growth.scoring import SIGNALS
from billing.growth.stats.ranking import (
    Flags,
    Floats,
    Ints,
    Ranked,
    auc,
    calibration,
    interval_of,
    lift_of_best,
)

Verdict = ScoreJudgement.Verdict

# A month: a call to who is in need leads to a payment within it or not at all.
WINDOW = timedelta(days=28)
# Half a year of snapshots; older ones were scored when the product was another.
MOST_SNAPSHOTS = 6
# With fewer an AUC is anything, and its bootstrap does not know it.
FEWEST = 20
# Of larger installations so many organisations are read, those of the smallest hash:
# the intervals are narrow by then.
MOST_ORGANISATIONS = 50_000

_HISTORY = """
SELECT snapshot.organisation_id, snapshot.day, snapshot.score,
       (SELECT array_agg(coalesce((snapshot.parts->>signal.name)::float, 0)
                         ORDER BY signal.place)
          FROM unnest(%(signals)s::text[]) WITH ORDINALITY AS signal (name, place)),
       EXISTS (SELECT 1 FROM ledger_invoice AS invoice
                WHERE invoice.organisation_id = snapshot.organisation_id
                  AND invoice.revenue > 0
                  AND invoice.paid_at >= (snapshot.day + 1)::timestamp AT TIME ZONE 'UTC'
                  AND invoice.paid_at < (snapshot.day + 1)::timestamp AT TIME ZONE 'UTC'
                                        + %(window)s)
  FROM growth_leadscore AS snapshot
 WHERE snapshot.day = ANY(%(days)s)
   AND snapshot.organisation_id IN (
         SELECT organisation_id FROM growth_leadscore WHERE day = ANY(%(days)s)
          GROUP BY organisation_id
          ORDER BY hashint8(organisation_id), organisation_id LIMIT %(most)s)
   AND NOT EXISTS (
         SELECT 1 FROM ledger_invoice AS invoice
          WHERE invoice.organisation_id = snapshot.organisation_id
            AND invoice.revenue > 0
            AND invoice.paid_at < (snapshot.day + 1)::timestamp AT TIME ZONE 'UTC')
 ORDER BY snapshot.day, snapshot.organisation_id
"""


@dataclass(frozen=True, slots=True)
class History:
    """Snapshots whose window is over; one entry for each row.

    ``values`` is rows × ``scoring.SIGNALS``; ``day`` counts in days, as ordinals.
    """

    unit: Ints
    day: Ints
    score: Floats
    values: Floats
    paid: Flags

    def only(self, kept: Flags) -> "History":
        """Return the rows that a mask keeps."""
        return History(
            self.unit[kept],
            self.day[kept],
            self.score[kept],
            self.values[kept],
            self.paid[kept],
        )

    @property
    def ranked(self) -> Ranked:
        return Ranked(self.unit, self.score, self.paid)


def judge_scores(at: datetime | None = None) -> ScoreJudgement:
    """Judge past scores and keep what came out; once more on a day replaces it."""
    at = at or timezone.now()
    found, _ = ScoreJudgement.objects.update_or_create(
        day=at.astimezone(UTC).date(), defaults=_judged(read_history(at))
    )
    return found


def verdict_of(history: History) -> Verdict:
    """Say whether there is enough to judge by."""
    if not len(history.unit):
        return Verdict.TOO_YOUNG
    if int(history.paid.sum()) < FEWEST:
        return Verdict.FEW_PAYERS
    if int((~history.paid).sum()) < FEWEST:
        return Verdict.FEW_OTHERS
    return Verdict.READABLE


def read_history(at: datetime) -> History:
    """Return snapshots whose 28 days are over at ``at``, each 28 days apart.

    So no payment is in the window of two of them.
    """
    days = _days(at)
    values: dict[str, Any] = {
        "days": days,
        "window": WINDOW,
        "most": MOST_ORGANISATIONS,
        "signals": list(SIGNALS),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # At night, with nobody waiting.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_HISTORY, values)
        rows = cursor.fetchall()
    return History(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1].toordinal() for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.float64),
        np.array([row[3] for row in rows], dtype=np.float64).reshape(
            len(rows), len(SIGNALS)
        ),
        np.array([row[4] for row in rows], dtype=bool),
    )


def _days(at: datetime) -> list[date]:
    # The day after the window of the newest one has begun.
    newest = at.astimezone(UTC).date() - WINDOW - timedelta(days=1)
    return [newest - number * WINDOW for number in range(MOST_SNAPSHOTS)]


def _judged(history: History) -> dict[str, Any]:
    verdict = verdict_of(history)
    found: dict[str, Any] = {
        "verdict": verdict,
        "organisations": len(set(history.unit.tolist())),
        "rows": len(history.unit),
        "paid": int(history.paid.sum()),
        "groups": [],
        **dict.fromkeys(("auc", "auc_low", "auc_high")),
        **dict.fromkeys(("lift", "lift_low", "lift_high")),
    }
    if verdict != Verdict.READABLE:
        return found
    ranked = history.ranked
    area = interval_of(auc, ranked)
    lift = interval_of(lift_of_best, ranked)
    return found | {
        "auc": area.value,
        "auc_low": area.low,
        "auc_high": area.high,
        "lift": lift.value,
        "lift_low": lift.low,
        "lift_high": lift.high,
        "groups": [
            [each.rows, each.paid, each.predicted, each.low, each.high]
            for each in calibration(ranked)
        ],
    }
