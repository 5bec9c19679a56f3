"""An estimate as a night leaves it."""

from datetime import date
from typing import Any

from billing.causes.causes import Cause
from billing.causes.models import CauseEstimate


def estimate_of(cause: Cause, *, day: int = 1, **fields: Any) -> CauseEstimate:
    """Return an estimate that found an effect of ten points and passes its check."""
    values: dict[str, Any] = {
        "verdict": "readable",
        "people": 400,
        "treated": 200,
        "untreated": 300,
        "paid_treated": 60,
        "paid_untreated": 45,
        "effect": 0.1,
        "low": 0.02,
        "high": 0.18,
        "without": 0.2,
        "naive": 0.15,
        "trimmed": 0.01,
        "effective": 120.0,
        "control_effect": 0.01,
        "control_low": -0.03,
        "control_high": 0.05,
        "e_value": 2.4,
        "e_value_limit": 1.4,
        "balance": [["pages", 0.5, 0.02], ["team", -0.2, 0.0]],
        "bars": [
            [0, 20, 60, 60, 40, 20, 0, 0, 0, 0],
            [60, 90, 90, 40, 20, 0, 0, 0, 0, 0],
        ],
    }
    return CauseEstimate.objects.create(
        cause=cause, day=date(2026, 6, day), **{**values, **fields}
    )


def few_of(cause: Cause) -> CauseEstimate:
    """Return an estimate that could not be made, since too few have paid."""
    return CauseEstimate.objects.create(
        cause=cause,
        day=date(2026, 6, 1),
        verdict="few_payers",
        people=80,
        treated=40,
        untreated=40,
        paid_treated=3,
        paid_untreated=2,
    )
