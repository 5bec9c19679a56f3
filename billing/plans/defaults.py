"""The plans a new installation starts with; prices in US cents."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.plans.models import Plan, PlanVersion
from core.money import NANO
from entitlements.features import FREE, Features


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultPlan:
    """One plan as it is first written; ``monthly`` and ``yearly`` are per seat."""

    key: str
    name: str
    summary: str
    edition: str
    tier_rank: int
    features: Features
    collection: str
    seat_min: int = 1
    seat_max: int = 1
    monthly: int | None = None
    yearly: int | None = None


DEFAULT_PLANS = (
    DefaultPlan(
        key="free",
        name="Community",
        summary="Open models, docs and forum for everyone.",
        edition=Plan.Edition.OPEN,
        tier_rank=0,
        features=FREE,
        collection=PlanVersion.Collection.FREE,
    ),
    DefaultPlan(
        key="pro",
        name="Pro",
        summary="Premium models for one developer.",
        edition=Plan.Edition.PREMIUM,
        tier_rank=10,
        # Five times the free plan: five calls a second, of a thousand tokens each.
        features=Features(
            plan="pro",
            premium_models=True,
            requests_per_minute=300,
            tokens_per_minute=300_000,
            concurrent_requests=16,
            monthly_allowance_nano=20 * NANO,
        ),
        collection=PlanVersion.Collection.AUTOMATIC,
        monthly=2_000,
        yearly=20_000,
    ),
    DefaultPlan(
        key="team",
        name="Team",
        summary="Premium models for a team that shares keys and usage.",
        edition=Plan.Edition.PREMIUM,
        tier_rank=20,
        features=Features(
            plan="team",
            premium_models=True,
            requests_per_minute=1_200,
            tokens_per_minute=1_200_000,
            concurrent_requests=64,
            # Per seat: five seats share five times this.
            monthly_allowance_nano=25 * NANO,
            seats=2,
            audit_log=True,
        ),
        collection=PlanVersion.Collection.AUTOMATIC,
        seat_min=2,
        seat_max=200,
        monthly=2_500,
        yearly=25_000,
    ),
    DefaultPlan(
        key="enterprise",
        name="Enterprise",
        summary="The highest limits, for twenty people and more.",
        edition=Plan.Edition.PREMIUM,
        tier_rank=30,
        # A hundred calls a second, of some 1 700 tokens each.
        features=Features(
            plan="enterprise",
            premium_models=True,
            requests_per_minute=6_000,
            tokens_per_minute=10_000_000,
            concurrent_requests=256,
            monthly_allowance_nano=100 * NANO,
            seats=20,
            audit_log=True,
        ),
        collection=PlanVersion.Collection.INVOICE,
        seat_min=20,
        seat_max=10_000,
        yearly=60_000,
    ),
)

# Names and summaries live in the database; these are what the default ones
# read in other languages.
TRANSLATED: dict[str, Promise] = {
    "Community": pgettext_lazy("plan", "Community"),
    "Pro": pgettext_lazy("plan", "Pro"),
    "Team": pgettext_lazy("plan", "Team"),
    "Enterprise": pgettext_lazy("plan", "Enterprise"),
    "Open models, docs and forum for everyone.": _(
        "Open models, docs and forum for everyone."
    ),
    "Premium models for one developer.": _("Premium models for one developer."),
    "Premium models for a team that shares keys and usage.": _(
        "Premium models for a team that shares keys and usage."
    ),
    "The highest limits, for twenty people and more.": _(
        "The highest limits, for twenty people and more."
    ),
}
