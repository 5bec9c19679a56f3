from dataclasses import dataclass

from django.db.models import Prefetch

from billing.plans import usage_words
from billing.plans.defaults import TRANSLATED
from billing.plans.exceptions import PlanNotOnOffer
from billing.plans.models import Plan, PlanVersion, Price
from entitlements.features import Features


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A plan as it is sold today, with its prices by interval."""

    plan: Plan
    version: PlanVersion
    prices: dict[str, Price]
    features: Features

    @property
    def usage_told(self) -> list[str]:
        """What usage beyond the plan costs, in words."""
        return usage_words.told(self.version.usage_price)

    def price(self, interval: str) -> Price | None:
        return self.prices.get(interval)


def offers() -> list[Offer]:
    """Return the public plans on offer, smallest first. Three queries."""
    on_offer = PlanVersion.objects.on_offer().prefetch_related("prices")
    plans = Plan.objects.public().prefetch_related(
        Prefetch("versions", queryset=on_offer)
    )
    return [_offer(plan, version) for plan in plans for version in plan.versions.all()]


def offer_for(key: str) -> Offer:
    """Return the plan ``key`` as it is sold today. Raises ``PlanNotOnOffer``."""
    version = (
        PlanVersion.objects.on_offer()
        .select_related("plan")
        .prefetch_related("prices")
        .filter(plan__key=key)
        .first()
    )
    if version is None:
        raise PlanNotOnOffer
    return _offer(version.plan, version)


def plan_name(key: str) -> str:
    """Return what a plan is called, in the reader's language; its key if it is gone.

    One query.
    """
    name = Plan.objects.filter(key=key).values_list("name", flat=True).first() or key
    return in_words(name)


def in_words(name: str) -> str:
    """Return the name of a plan in the reader's language, where we have it."""
    return str(TRANSLATED.get(name, name))


def _offer(plan: Plan, version: PlanVersion) -> Offer:
    return Offer(
        plan=plan,
        version=version,
        prices={price.interval: price for price in version.prices.all()},
        features=version.features_for(version.seat_min),
    )
