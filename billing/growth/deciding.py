"""The one door: may something be offered now, and what?

Everything that tries to move a person asks ``decide``: banners, cards, mails, hints of
the gateway, trials, credits, what a leaving buyer is shown. Nothing else may.

Two statements: one reads all that is known of the unit, one writes the decision. The
rules that must hold when two ask at once are the database's: one decision for a moment,
unit and occasion; one offer a day for a unit; no more reserved than the budget.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from billing.growth import quiet
from billing.growth.catalogue import Arm, PolicyInForce, snapshot_of
from billing.growth.holdout import (
    held_chance,
    is_held_out,
    is_kept_from_campaign,
    place,
)
from billing.growth.models import Decision, Offer, Policy
from billing.growth.moments import Moment
from billing.growth.prepared import Prepared
from billing.growth.stats import bandit
from billing.growth.unit import UnitState, read_unit
from core.clock import now

Reason = Decision.Reason
TRIALS = {Offer.Kind.PREMIUM_TRIAL, Offer.Kind.TEAM_TRIAL}
# With one a day at most: more than three in a week is read as noise.
MOST_A_WEEK = 3
# The surfaces that reach out to a person who is not here.
REACHING = frozenset({"mail"})


@dataclass(frozen=True, slots=True)
class DecisionUnit:
    """Whom a decision is about: an organisation, and one of its people or None.

    Without a person the offer is for who looks after the organisation's money.
    """

    organisation_id: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a campaign's step would offer: the one choice there is, and its holdout.

    ``surface`` is the only place it is shown at; empty is all places of the offer.
    """

    campaign: str
    step_id: int
    offer_key: str
    surface: str
    holdout_percent: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided; ``offer_id`` is None for nothing. ``is_new`` is true once."""

    id: int
    uuid: UUID
    reason: str
    offer_id: int | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the policy chose, and everything it takes to choose it again."""

    reason: str
    intended: Offer | None = None
    policy: str = ""
    variant: str = ""
    propensity: float = 1.0
    uniform: float = 0.0
    choices: Mapping[str, float] | None = None

    @property
    def offer(self) -> Offer | None:
        return self.intended if self.reason == Reason.OFFERED else None


def decide(
    moment: Moment,
    unit: DecisionUnit,
    *,
    occasion: str,
    context: Mapping[str, Any] | None = None,
    fits: Collection[str] | None = None,
    proposal: Proposal | None = None,
) -> Decided:
    """Decide once for a moment, unit and occasion; return what was decided then.

    ``occasion`` is what makes two moments the same, such as a month. ``fits`` names the
    offers that fit what the caller knows; None leaves it to the policy. ``context`` is
    plain values that are kept with the decision; no words of a person belong there.
    ``proposal`` stands in the policy's place where a campaign asks.
    """
    at = now()
    state = read_unit(
        moment, unit.organisation_id, unit.user_id, occasion=occasion, at=at
    )
    if state.decision_id is not None:
        return _known(state)
    choice = _refusal(state) or (
        _propose(proposal, unit, state)
        if proposal
        else _choose(moment, unit, state, occasion=occasion, fits=fits)
    )
    # When another decision was a moment earlier, with today's offer or this occasion,
    # the unit has had its offer: then it is none.
    for each in (choice, _Choice(Reason.CAP)):
        kept = {
            **(context or {}),
            "plan": state.plan,
            # The chance to be in the holdout: more for who belongs to several teams.
            "held_chance": held_chance(len(state.belongs_to)),
            "choices": dict(each.choices or {}),
        }
        written = _write(moment, unit, occasion, each, state, kept, at, proposal)
        if written is not None:
            return written
    return _known(
        read_unit(moment, unit.organisation_id, unit.user_id, occasion=occasion, at=at)
    )


def replay(decision: Decision) -> str:
    """Return what the log says was chosen: an offer's key, or a variant's name.

    It is the decision's ``variant``, or else the key of what it ``intended``; ``""``
    where nothing was chosen.
    """
    choices: dict[str, float] = decision.context.get("choices", {})
    return bandit.choose(choices, decision.uniform) if choices else ""


def _known(state: UnitState) -> Decided:
    assert state.decision_id is not None and state.decision_uuid  # noqa: S101, PT018 - read together
    return Decided(
        state.decision_id,
        state.decision_uuid,
        state.decision_reason,
        state.decision_offer_id,
        is_new=False,
    )


def _refusal(state: UnitState) -> _Choice | None:
    """Return why nothing may be offered, whatever there is to offer."""
    if state.is_excluded:
        return _Choice(Reason.EXCLUDED)
    if state.has_refused:
        return _Choice(Reason.NO_CONSENT)
    if state.offered_today or state.offered_in_week >= MOST_A_WEEK:
        return _Choice(Reason.CAP)
    return None


def _propose(proposal: Proposal, unit: DecisionUnit, state: UnitState) -> _Choice:
    """Let a campaign's step offer what it names, or nothing."""
    offer = snapshot_of(state.revision).offers.get(proposal.offer_key)
    if offer is None or not _fits(offer, state) or not _places(offer, proposal.surface):
        return _Choice(Reason.NO_OFFER)
    if offer.key in state.exhausted:
        return _Choice(Reason.BUDGET)
    reason = Reason.OFFERED
    if is_held_out(state.belongs_to):
        reason = Reason.HOLDOUT
    elif is_kept_from_campaign(
        proposal.campaign, proposal.holdout_percent, unit.organisation_id
    ):
        reason = Reason.CAMPAIGN_HOLDOUT
    elif _is_kept_from(offer, unit):
        reason = Reason.OFFER_HOLDOUT
    return _Choice(
        reason, offer, f"campaign {proposal.campaign}", choices={offer.key: 1.0}
    )


def _places(offer: Offer, surface: str) -> set[str]:
    """Return where an offer is shown; a surface that it has no more is none."""
    return set(offer.surfaces) & {surface} if surface else set(offer.surfaces)


def _choose(
    moment: Moment,
    unit: DecisionUnit,
    state: UnitState,
    *,
    occasion: str,
    fits: Collection[str] | None,
) -> _Choice:
    catalogue = snapshot_of(state.revision)
    if arms := catalogue.experiments.get(moment):
        return _assign(arms, unit, state, fits=fits)
    policy = catalogue.policies.get(moment)
    if policy is None:
        return _Choice(Reason.NO_OFFER)
    offers = [
        offer
        for offer in policy.offers
        if (fits is None or offer.key in fits)
        and _fits(offer, state)
        and not policy.has_stopped(offer)
    ]
    if not offers:
        return _Choice(Reason.NO_OFFER)
    affordable = [offer for offer in offers if offer.key not in state.exhausted]
    if not affordable:
        return _Choice(Reason.BUDGET)
    where = f"{moment}:{unit.organisation_id}:{occasion}"
    choices = _choices(policy, affordable)
    uniform = place(f"choice:{policy.name}", where)
    key = bandit.choose(choices, uniform)
    intended = next(offer for offer in affordable if offer.key == key)
    # Last, so that who is held out is compared with whom all of this would have met.
    reason = Reason.OFFERED
    if is_held_out(state.belongs_to):
        reason = Reason.HOLDOUT
    elif _is_kept_from(intended, unit):
        reason = Reason.OFFER_HOLDOUT
    return _Choice(
        reason, intended, policy.name, "", choices[key], uniform, choices=choices
    )


def _assign(
    arms: tuple[Arm, ...],
    unit: DecisionUnit,
    state: UnitState,
    *,
    fits: Collection[str] | None,
) -> _Choice:
    """Put the unit into its variant of a running experiment.

    Only who could be offered every variant is in it: were a variant passed over where
    its offer does not fit, the arms would hold different units.
    """
    offers = [arm.offer for arm in arms if arm.offer is not None]
    if not all(
        offer.state == Offer.State.ACTIVE
        and _fits(offer, state)
        and (fits is None or offer.key in fits)
        for offer in offers
    ):
        return _Choice(Reason.NO_OFFER)
    if any(offer.key in state.exhausted for offer in offers):
        return _Choice(Reason.BUDGET)
    # Of a unit and its experiment alone: at every occasion it is the same variant.
    uniform = place(arms[0].name.partition(":")[0], unit.organisation_id)
    shares = {arm.name: arm.share for arm in arms}
    arm = next(each for each in arms if each.name == bandit.choose(shares, uniform))
    if is_held_out(state.belongs_to):
        reason = Reason.HOLDOUT
    else:
        reason = Reason.OFFERED if arm.offer else Reason.CONTROL
    return _Choice(
        reason,
        arm.offer,
        f"experiment {arm.name}",
        arm.name,
        arm.share,
        uniform,
        choices=shares,
    )


def _choices(policy: PolicyInForce, offers: list[Offer]) -> dict[str, float]:
    """Return with which probability each offer is chosen; they sum to 1."""
    if policy.mode == Policy.Mode.RULES:
        return {offers[0].key: 1.0}
    # What nothing is known of yet is tried as often as the average.
    learnt = {
        offer.key: policy.shares.get(offer.key, 1 / len(offers)) for offer in offers
    }
    total = sum(learnt.values())
    floor = min(policy.floor, 1 / len(learnt))
    rest = 1 - floor * len(learnt)
    return {key: floor + rest * share / total for key, share in learnt.items()}


def _is_kept_from(offer: Offer, unit: DecisionUnit) -> bool:
    """Tell whether the unit is in the holdout that one offer has of its own."""
    share = offer.holdout_percent / 100
    return place(f"offer:{offer.key}", unit.organisation_id) < share


def _fits(offer: Offer, state: UnitState) -> bool:
    """Tell whether an offer makes sense for a unit, whatever the moment."""
    if offer.key in state.settled:
        return False
    if offer.kind in TRIALS:
        # A trial is for whom no plan was ever in force.
        is_new = not (state.is_paying or state.has_paid or state.had_trial)
        return is_new and (offer.kind != Offer.Kind.TEAM_TRIAL or state.is_team)
    if offer.kind == Offer.Kind.PLAN:
        return not state.is_paying
    return True


_WRITE = """
WITH held AS (
  SELECT id FROM growth_offer
   WHERE id = %(offer)s::bigint
     AND (budget_nano IS NULL OR reserved_nano + %(cost)s <= budget_nano)
   {lock}
), written AS (
  INSERT INTO growth_decision
    (uuid, moment, organisation_id, user_id, occasion, decided_at, reason, intended_id,
     offer_id, offer_version, policy, variant, propensity, uniform, context, offered_on,
     expires_at, reach_at, reserved_nano, step_id, surface)
  SELECT %(uuid)s, %(moment)s, %(organisation)s, %(user)s::bigint, %(occasion)s, %(at)s,
         CASE WHEN %(offer)s::bigint IS NOT NULL AND held.id IS NULL THEN 'budget'
              ELSE %(reason)s END,
         %(intended)s::bigint, held.id, %(version)s, %(policy)s, %(variant)s,
         %(propensity)s, %(uniform)s, %(context)s,
         CASE WHEN held.id IS NOT NULL THEN %(today)s::date END,
         CASE WHEN held.id IS NOT NULL THEN %(expires)s::timestamptz END,
         CASE WHEN held.id IS NOT NULL THEN %(reach)s::timestamptz END,
         CASE WHEN held.id IS NOT NULL THEN %(cost)s ELSE 0 END,
         %(step)s::bigint, %(surface)s
    FROM (VALUES (1)) AS once LEFT JOIN held ON true
  ON CONFLICT DO NOTHING
  RETURNING id, offer_id, reason
), reserved AS (
  UPDATE growth_offer SET reserved_nano = reserved_nano + %(cost)s
   WHERE %(cost)s > 0 AND id = (SELECT offer_id FROM written)
)
SELECT id, reason, offer_id FROM written
"""
_TYPES = {
    "uuid": "uuid",
    "moment": "text",
    "organisation": "bigint",
    "user": "bigint",
    "occasion": "text",
    "at": "timestamptz",
    "reason": "text",
    "intended": "bigint",
    "offer": "bigint",
    "version": "integer",
    "policy": "text",
    "variant": "text",
    "propensity": "float8",
    "uniform": "float8",
    "context": "jsonb",
    "today": "date",
    "expires": "timestamptz",
    "reach": "timestamptz",
    "cost": "bigint",
    "step": "bigint",
    "surface": "text",
}
_WRITE_FREE = Prepared("growth_write", _WRITE.format(lock=""), _TYPES)
_WRITE_DEAR = Prepared("growth_write_dear", _WRITE.format(lock="FOR UPDATE"), _TYPES)


def _write(
    moment: Moment,
    unit: DecisionUnit,
    occasion: str,
    choice: _Choice,
    state: UnitState,
    context: dict[str, Any],
    at: datetime,
    proposal: Proposal | None,
) -> Decided | None:
    """Write the decision; None when a rule of the database was met meanwhile.

    An offer that can cost something is locked for the statement, so that two decisions
    cannot both take the last of its budget.
    """
    offer = choice.offer
    cost = offer.cost_nano if offer else 0
    reach = None
    surface = proposal.surface if proposal else ""
    if offer and REACHING & _places(offer, surface):
        reach = quiet.next_reachable(at, quiet.zone_of(state.time_zone))
    uuid = uuid4()
    values: dict[str, Any] = {
        "uuid": uuid,
        "moment": str(moment),
        "organisation": unit.organisation_id,
        "user": unit.user_id,
        "occasion": occasion[:60],
        "at": at,
        "reason": str(choice.reason),
        "intended": choice.intended.pk if choice.intended else None,
        "offer": offer.pk if offer else None,
        "version": offer.version if offer else 0,
        "policy": choice.policy,
        "variant": choice.variant,
        "propensity": choice.propensity,
        "uniform": choice.uniform,
        "context": Jsonb(context),
        "today": at.astimezone(UTC).date(),
        "expires": at + timedelta(days=offer.valid_days) if offer else None,
        "reach": reach,
        "cost": cost,
        "step": proposal.step_id if proposal else None,
        "surface": surface,
    }
    row = (_WRITE_DEAR if cost else _WRITE_FREE).run(values)
    if row is None:
        return None
    return Decided(row[0], uuid, row[1], row[2], is_new=True)
