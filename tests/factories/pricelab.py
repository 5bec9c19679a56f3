"""Candidates for other terms, as small as they can be."""

from typing import Any

from billing.plans.services import ensure_default_plans
from billing.pricelab.models import PlanCandidate, Replay
from core.money import NANO


def candidate_of(key: str = "pro", **terms: Any) -> PlanCandidate:
    """Return a candidate on a default plan, replayed through nobody."""
    version = ensure_default_plans()[key]
    values: dict[str, Any] = {
        "name": "Dearer",
        "plan": version.plan,
        "began_with": version.version,
        "currency": "usd",
        "month_amount": 3_000,
        "seat_min": 1,
        "seat_max": 1,
        "allowance_nano": 20 * NANO,
        "overage_percent": 0,
    }
    candidate = PlanCandidate.objects.create(**{**values, **terms})
    Replay.objects.create(candidate=candidate, month="2026-02-01")
    return candidate
