"""What a decision reads from memory: offers, policies and running experiments.

Every change gives the catalogue a new revision; a decision that meets another revision
than the one in memory loads it anew, in four queries, and finds all of it there.
"""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock

from django.db import transaction

from billing.growth.defaults import DEFAULT_OFFERS, DefaultOffer
from billing.growth.models import (
    Catalogue,
    Experiment,
    Offer,
    Policy,
    PolicyOffer,
    Variant,
)


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A policy as decisions use it: its offers in their order."""

    name: str
    mode: str
    floor: float
    shares: dict[str, float]
    offers: tuple[Offer, ...]

    def has_stopped(self, offer: Offer) -> bool:
        """Tell whether learning has found that an offer loses money here.

        Every other one has at least the floor; of a new one nothing is known yet.
        """
        return self.mode == Policy.Mode.BANDIT and self.shares.get(offer.key) == 0


@dataclass(frozen=True, slots=True)
class Arm:
    """A variant of a running experiment; ``offer`` is None for the control."""

    name: str
    offer: Offer | None
    share: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The catalogue at one revision; active offers by key, experiments by moment."""

    revision: str
    offers: dict[str, Offer] = field(default_factory=dict)
    policies: dict[str, PolicyInForce] = field(default_factory=dict)
    experiments: dict[str, tuple[Arm, ...]] = field(default_factory=dict)


_lock = Lock()
_known = Snapshot("")


def snapshot_of(revision: str | None) -> Snapshot:
    """Return the catalogue at the revision that a decision has just read.

    An installation without one is given the offers it begins with.
    """
    global _known
    known = _known
    if revision and known.revision == revision:
        return known
    if not revision:
        ensure_default_offers()
    with _lock:
        _known = _load()
        return _known


@transaction.atomic
def ensure_default_offers() -> None:
    """Create the offers and policies that are missing; change nothing that is there."""
    Catalogue.objects.get_or_create(pk=1)
    # Two that begin at once wait for one another here.
    Catalogue.objects.select_for_update().get(pk=1)
    made = {each.key: _ensure(each) for each in DEFAULT_OFFERS}
    wanted: dict[str, list[Offer]] = defaultdict(list)
    for default in DEFAULT_OFFERS:
        for moment in default.moments:
            wanted[moment].append(made[default.key])
    for moment, offers in wanted.items():
        if not Policy.objects.filter(moment=moment).exists():
            policy = Policy.objects.create(moment=moment, version=1)
            PolicyOffer.objects.bulk_create(
                PolicyOffer(policy=policy, offer=offer, rank=rank)
                for rank, offer in enumerate(offers)
            )
    renew_revision()


def renew_revision() -> None:
    """Have every process read the catalogue anew with its next decision."""
    Catalogue.objects.update_or_create(pk=1, defaults={"revision": uuid.uuid4()})


def _ensure(default: DefaultOffer) -> Offer:
    state = Offer.State.ACTIVE if default.is_active else Offer.State.DRAFT
    offer, _ = Offer.objects.get_or_create(
        key=default.key,
        defaults={
            "kind": default.kind,
            "state": state,
            "title_en": default.title[0],
            "title_zh": default.title[1],
            "body_en": default.body[0],
            "body_zh": default.body[1],
            "action_en": default.action[0],
            "action_zh": default.action[1],
            "surfaces": list(default.surfaces),
            "target": default.target,
            "plan": default.plan,
            "days": default.days,
        },
    )
    return offer


def _load() -> Snapshot:
    # The revision first: what changes after it is met by the next decision.
    revision = str(Catalogue.objects.values_list("revision", flat=True).get(pk=1))
    entries = (
        PolicyOffer.objects.filter(
            policy__retired_at=None, offer__state=Offer.State.ACTIVE
        )
        .select_related("policy", "offer")
        .order_by("policy_id", "rank")
    )
    grouped: dict[Policy, list[Offer]] = defaultdict(list)
    for entry in entries:
        grouped[entry.policy].append(entry.offer)
    policies = {
        policy.moment: PolicyInForce(
            name=str(policy),
            mode=policy.mode,
            floor=policy.floor,
            shares=policy.shares,
            offers=tuple(offers),
        )
        for policy, offers in grouped.items()
    }
    offers = {offer.key: offer for offer in Offer.objects.active()}
    return Snapshot(revision, offers, policies, _load_experiments())


def _load_experiments() -> dict[str, tuple[Arm, ...]]:
    variants = (
        Variant.objects.filter(experiment__state=Experiment.State.RUNNING)
        .select_related("experiment", "offer")
        .order_by("experiment_id", "pk")
    )
    grouped: dict[Experiment, list[Variant]] = defaultdict(list)
    for variant in variants:
        grouped[variant.experiment].append(variant)
    return {
        experiment.moment: tuple(
            Arm(
                f"{experiment.key}:{each.name}",
                each.offer,
                each.weight / sum(one.weight for one in arms),
            )
            for each in arms
        )
        for experiment, arms in grouped.items()
    }
