"""All that a decision knows of a unit, read in one statement."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import Organisation
from billing.growth.prepared import Prepared
from entitlements.features import FREE
from notifications.models import Kind

# Who put an offer away is not shown it again for so long.
REST = timedelta(days=30)

_READ = """
SELECT decided.id, decided.uuid, decided.reason, decided.offer_id,
       (SELECT revision::text FROM growth_catalogue WHERE id = 1),
       organisation.kind = %(team)s,
       coalesce(NOT person.is_active OR person.is_staff OR person.is_internal, false)
         OR coalesce(NOT owner.is_active OR owner.is_staff OR owner.is_internal, false),
       coalesce(person.time_zone, owner.time_zone, ''),
       EXISTS (SELECT 1 FROM notifications_preference
                WHERE user_id = coalesce(%(user)s::bigint, organisation.owner_id)
                  AND kind = %(offers)s AND NOT by_email),
       (SELECT plan FROM entitlements_organisationentitlement
         WHERE organisation_id = organisation.id),
       EXISTS (SELECT 1 FROM ledger_invoice
                WHERE organisation_id = organisation.id
                  AND paid_at IS NOT NULL AND revenue > 0),
       ARRAY(SELECT member.organisation_id
               FROM accounts_membership AS member
               JOIN accounts_organisation AS team ON team.id = member.organisation_id
              WHERE member.user_id IN (person.id, owner.id) AND team.kind = %(team)s),
       past.offered_today, past.in_week,
       -- A plan that was ever in force, if only in a trial that nobody paid.
       past.had_trial OR EXISTS (
         SELECT 1 FROM subscriptions_subscription AS had
          WHERE had.organisation_id = organisation.id AND had.price_id IS NOT NULL
            AND had.status NOT IN ('incomplete', 'incomplete_expired')),
       past.settled,
       ARRAY(SELECT key FROM growth_offer
              WHERE budget_nano IS NOT NULL AND reserved_nano + cost_nano > budget_nano)
  FROM accounts_organisation AS organisation
  LEFT JOIN accounts_user AS person ON person.id = %(user)s::bigint
  LEFT JOIN accounts_user AS owner
    ON owner.id = organisation.owner_id AND organisation.kind <> %(team)s
  LEFT JOIN growth_decision AS decided
    ON decided.moment = %(moment)s AND decided.organisation_id = organisation.id
   AND decided.occasion = %(occasion)s
  LEFT JOIN LATERAL (
    SELECT coalesce(bool_or(past.offered_on = %(today)s), false) AS offered_today,
           count(*) FILTER (
             WHERE past.decided_at > %(week_ago)s AND past.organisation_id = organisation.id
           ) AS in_week,
           coalesce(bool_or(past.accepted_at IS NOT NULL
                            AND offer.kind IN ('premium_trial', 'team_trial')), false)
             AS had_trial,
           coalesce(array_agg(offer.key) FILTER (
             WHERE past.accepted_at IS NOT NULL OR past.dismissed_at > %(rested)s
           ), '{}') AS settled
      FROM growth_decision AS past JOIN growth_offer AS offer ON offer.id = past.offer_id
     -- Of two small indexes: most decisions offered nothing, and are in neither.
     WHERE past.offered_on IS NOT NULL
       AND (past.organisation_id = organisation.id OR past.user_id = %(user)s::bigint)
  ) AS past ON true
 WHERE organisation.id = %(organisation)s
"""


_STATE = Prepared(
    "growth_unit",
    _READ,
    {
        "moment": "text",
        "organisation": "bigint",
        "user": "bigint",
        "occasion": "text",
        "team": "text",
        "offers": "text",
        "today": "date",
        "week_ago": "timestamptz",
        "rested": "timestamptz",
    },
)


@dataclass(frozen=True, slots=True)
class UnitState:
    """What is known of a unit at a moment; the first four are of an earlier decision.

    ``belongs_to`` are the organisations by which it may be held out: its teams, else
    itself. ``settled`` are offers it accepted or put away lately, ``exhausted`` those
    without a budget left.
    """

    decision_id: int | None
    decision_uuid: UUID | None
    decision_reason: str
    decision_offer_id: int | None
    revision: str | None
    is_team: bool
    is_excluded: bool
    time_zone: str
    has_refused: bool
    plan: str
    has_paid: bool
    belongs_to: frozenset[int]
    offered_today: bool
    offered_in_week: int
    had_trial: bool
    settled: frozenset[str]
    exhausted: frozenset[str]

    @property
    def is_paying(self) -> bool:
        return self.plan != FREE.plan


def read_unit(
    moment: str,
    organisation_id: int,
    user_id: int | None,
    *,
    occasion: str,
    at: datetime,
) -> UnitState:
    """Read everything a decision needs. Raises ``Organisation.DoesNotExist``."""
    values: dict[str, Any] = {
        "moment": str(moment),
        "organisation": organisation_id,
        "user": user_id,
        "occasion": occasion[:60],
        "team": str(Organisation.Kind.TEAM),
        "offers": str(Kind.OFFERS),
        "today": at.astimezone(UTC).date(),
        "week_ago": at - timedelta(days=7),
        "rested": at - REST,
    }
    row = _STATE.run(values)
    if row is None:
        raise Organisation.DoesNotExist
    teams = set(row[11]) | ({organisation_id} if row[5] else set())
    return UnitState(
        decision_id=row[0],
        decision_uuid=row[1],
        decision_reason=row[2] or "",
        decision_offer_id=row[3],
        revision=row[4],
        is_team=row[5],
        is_excluded=row[6],
        time_zone=row[7],
        has_refused=row[8],
        plan=row[9] or FREE.plan,
        has_paid=row[10],
        belongs_to=frozenset(teams or {organisation_id}),
        offered_today=row[12],
        offered_in_week=row[13],
        had_trial=row[14],
        settled=frozenset(row[15]),
        exhausted=frozenset(row[16]),
    )
