"""The next terms of a plan: written, looked at, and published as they were shown."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.plans.exceptions import DraftChanged, NoDraft, PlanIsGivenToAll
from billing.plans.models import Plan, PlanVersion, Price
from entitlements.features import FREE, Features
from entitlements.usage_price import UsagePrice


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """Everything about a version that its buyers are held to.

    ``prices`` gives minor units of ``currency`` by interval, per seat where there is
    more than one.
    """

    features: Features
    collection: str
    seat_min: int
    seat_max: int
    trial_days: int
    trial_needs_card: bool
    usage_price: UsagePrice
    currency: str
    prices: Mapping[str, int]

    @property
    def fingerprint(self) -> str:
        """What tells these terms from any others."""
        values = {**asdict(self), "prices": dict(self.prices)}
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def terms_of(version: PlanVersion) -> PlanTerms:
    """Return the terms of a version; its prices are read."""
    prices = list(version.prices.order_by("interval"))
    return PlanTerms(
        features=Features.from_dict(version.features),
        collection=version.collection,
        seat_min=version.seat_min,
        seat_max=version.seat_max,
        trial_days=version.trial_days,
        trial_needs_card=version.trial_needs_card,
        usage_price=version.usage_price,
        currency=prices[0].currency if prices else "usd",
        prices={price.interval: price.unit_amount for price in prices},
    )


def draft_of(plan: Plan) -> PlanVersion | None:
    """Return the terms that are being written; a plan has one draft at most."""
    return plan.versions.filter(published_at=None).first()


def offered_of(plan: Plan) -> PlanVersion | None:
    """Return the terms that are sold today."""
    return plan.versions.on_offer().first()


@transaction.atomic
def create_plan(
    *, key: str, name: str, summary: str, edition: str, tier_rank: int, by: User
) -> Plan:
    """Make a plan that nobody sees until terms of it are published."""
    plan = Plan.objects.create(
        key=key, name=name, summary=summary, edition=edition, tier_rank=tier_rank
    )
    audit.record(
        "plan.created",
        actor=by,
        target=key,
        after={"name": name, "edition": edition, "tier_rank": tier_rank},
    )
    return plan


@transaction.atomic
def set_plan(plan: Plan, *, name: str, summary: str, is_public: bool, by: User) -> None:
    """Change what a plan is called and whether the pricing page shows it."""
    locked = Plan.objects.select_for_update().get(pk=plan.pk)
    after = {"name": name, "summary": summary, "is_public": is_public}
    before = {field: getattr(locked, field) for field in after}
    if before == after:
        return
    Plan.objects.filter(pk=plan.pk).update(**after)
    audit.record("plan.changed", actor=by, target=plan.key, before=before, after=after)


@transaction.atomic
def save_draft(plan: Plan, terms: PlanTerms) -> PlanVersion:
    """Keep the next terms of a plan, in the place of those of an earlier draft.

    The plan's row is locked. Raises ``PlanIsGivenToAll``.
    """
    if plan.key == FREE.plan:
        raise PlanIsGivenToAll
    Plan.objects.select_for_update().get(pk=plan.pk)
    draft = draft_of(plan)
    last = plan.versions.order_by("-version").first()
    if draft is None:
        draft = PlanVersion(plan=plan, version=last.version + 1 if last else 1)
        draft.stripe_product_id = last.stripe_product_id if last else ""
    draft.features = terms.features.to_dict()
    names = ("collection", "seat_min", "seat_max", "trial_days", "trial_needs_card")
    for name in names:
        setattr(draft, name, getattr(terms, name))
    draft.overage_percent = terms.usage_price.percent
    draft.overage_tiers = terms.usage_price.stored_tiers
    draft.save()
    # A price never changes, so that of a draft is another one.
    draft.prices.all().delete()
    for interval, amount in terms.prices.items():
        Price.objects.create(
            plan_version=draft,
            interval=interval,
            kind=Price.Kind.SEAT if draft.is_per_seat else Price.Kind.BASE,
            currency=terms.currency,
            unit_amount=amount,
            lookup_key=f"{plan.key}_v{draft.version}_{interval}_{terms.currency}",
        )
    return draft


@transaction.atomic
def drop_draft(plan: Plan) -> None:
    """Throw away the terms that were being written."""
    Plan.objects.select_for_update().get(pk=plan.pk)
    draft = draft_of(plan)
    if draft is not None:
        draft.prices.all().delete()
        draft.delete()


@transaction.atomic
def publish_draft(
    plan: Plan, *, fingerprint: str, reason: str, by: User
) -> PlanVersion:
    """Sell the draft from now on, as it was shown; what was sold before is retired.

    Who bought before keeps their terms. The plan's row is locked, so of two at once the
    second finds no draft. Raises ``NoDraft``, and ``DraftChanged`` when the draft is
    not the one that ``fingerprint`` is of.
    """
    Plan.objects.select_for_update().get(pk=plan.pk)
    draft = draft_of(plan)
    if draft is None:
        raise NoDraft
    terms = terms_of(draft)
    if terms.fingerprint != fingerprint:
        raise DraftChanged
    before = offered_of(plan)
    told = told_terms(terms_of(before)) if before else None
    moment = timezone.now()
    plan.versions.on_offer().update(retired_at=moment)
    draft.published_at = moment
    draft.save(update_fields=["published_at"])
    audit.record(
        "plan.published",
        actor=by,
        target=str(draft),
        before=told,
        after={**told_terms(terms), "reason": reason},
    )
    return draft


@transaction.atomic
def archive_plan(plan: Plan, *, reason: str, by: User) -> bool:
    """Sell a plan no longer; return whether it was sold. Who has it keeps it."""
    if plan.key == FREE.plan:
        raise PlanIsGivenToAll
    Plan.objects.select_for_update().get(pk=plan.pk)
    if not plan.versions.on_offer().update(retired_at=timezone.now()):
        return False
    audit.record("plan.archived", actor=by, target=plan.key, after={"reason": reason})
    return True


def told_terms(terms: PlanTerms) -> dict[str, Any]:
    """Return terms as the audit log keeps them."""
    return {**asdict(terms), "prices": dict(terms.prices)}
