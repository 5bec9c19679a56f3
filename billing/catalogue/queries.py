"""What the plans' pages show: versions, who has them, and what publishing changes."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.plans import usage_words
from billing.plans.drafts import PlanTerms
from billing.plans.models import Plan, PlanVersion, Price
from billing.subscriptions.models import StaffGrant, Subscription
from core.money import format_minor, format_nano


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldPlan:
    """A plan as the list shows it; counts are of organisations that have it now."""

    plan: Plan
    offered: PlanVersion | None
    has_draft: bool
    prices: tuple[Price, ...]
    having: int
    having_older: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One term before and after, in words."""

    label: Promise
    before: str
    after: str

    @property
    def is_change(self) -> bool:
        return self.before != self.after


LABELS: tuple[tuple[str, Promise], ...] = (
    ("collection", _("How it is paid")),
    ("month", _("Price of a month")),
    ("year", _("Price of a year")),
    ("seats", _("Seats")),
    ("trial", _("Trial")),
    ("premium_models", _("Premium models")),
    ("monthly_allowance_nano", _("Usage included per month")),
    ("overage", _("Usage beyond it")),
    ("requests_per_minute", _("Requests per minute")),
    ("tokens_per_minute", _("Tokens per minute")),
    ("concurrent_requests", _("Requests at the same time")),
    ("audit_log", _("Audit log")),
)


def plan_rows() -> list[SoldPlan]:
    """Return every plan, the smallest first. Five queries."""
    having = subscribers_by_version()
    rows = []
    for plan in Plan.objects.prefetch_related("versions__prices"):
        versions = list(plan.versions.all())
        offered = next(
            (v for v in versions if v.published_at and not v.retired_at), None
        )
        counts = {v.pk: having.get(v.pk, 0) for v in versions}
        newest = counts.pop(offered.pk, 0) if offered else 0
        rows.append(
            SoldPlan(
                plan=plan,
                offered=offered,
                has_draft=any(v.published_at is None for v in versions),
                prices=tuple(offered.prices.all()) if offered else (),
                having=newest,
                having_older=sum(counts.values()),
            )
        )
    return rows


def subscribers_by_version() -> dict[int, int]:
    """Return how many subscriptions and grants hold each version now. Two queries."""
    counts: dict[int, int] = {}
    live = Subscription.objects.live().with_plan().order_by()
    grants = StaffGrant.objects.in_force().order_by()
    for rows in (
        live.values_list("price__plan_version").annotate(count=Count("pk")),
        grants.values_list("plan_version").annotate(count=Count("pk")),
    ):
        for version, count in rows:
            counts[version] = counts.get(version, 0) + count
    return counts


def differences(before: PlanTerms | None, after: PlanTerms) -> Iterator[Difference]:
    """Yield every term, said before and after."""
    old = dict(_told(before)) if before else {}
    new = dict(_told(after))
    for name, label in LABELS:
        yield Difference(label, old.get(name, "–"), new[name])


def _told(terms: PlanTerms) -> Iterator[tuple[str, str]]:
    features = terms.features
    yield "collection", str(PlanVersion.Collection(terms.collection).label)
    for interval in Price.Interval.values:
        amount = terms.prices.get(interval)
        text = "–" if amount is None else format_minor(amount, terms.currency)
        is_per_seat = amount is not None and terms.seat_max > 1
        yield (
            interval,
            gettext("%(price)s per seat") % {"price": text} if is_per_seat else text,
        )
    seats = f"{terms.seat_min} – {terms.seat_max}"
    yield "seats", seats if terms.seat_max > terms.seat_min else str(terms.seat_min)
    yield "trial", _trial(terms)
    yield "premium_models", _yes_or_no(features.premium_models)
    yield "monthly_allowance_nano", format_nano(features.monthly_allowance_nano, "usd")
    yield (
        "overage",
        "; ".join(usage_words.told(terms.usage_price)),
    )
    for name in ("requests_per_minute", "tokens_per_minute", "concurrent_requests"):
        yield name, f"{getattr(features, name):,}"
    yield "audit_log", _yes_or_no(features.audit_log)


def _trial(terms: PlanTerms) -> str:
    if not terms.trial_days:
        return gettext("none")
    values = {"days": terms.trial_days}
    if terms.trial_needs_card:
        return gettext("%(days)s days, with a card") % values
    return gettext("%(days)s days, without a card") % values


def _yes_or_no(value: bool) -> str:
    return gettext("yes") if value else gettext("no")
