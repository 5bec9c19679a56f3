"""Computing what moves α, and keeping it with its date."""

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from billing.causes.causes import CONTROL, Cause, EffectVerdict
from billing.causes.models import CauseEstimate
from billing.causes.stats.effects import CausalEffect, effect_on_treated
from billing.causes.stats.samples import TrialSample
from billing.causes.stats.sensitivity import e_value_of_effect, e_value_of_interval
from billing.causes.stats.verdicts import verdict_after, verdict_before
from billing.causes.trials import read_trials


def estimate_causes(at: datetime | None = None) -> list[CauseEstimate]:
    """Estimate the effect of every cause; once more on the same day replaces it."""
    at = at or timezone.now()
    return [estimate_cause(cause, at) for cause in Cause]


def estimate_cause(cause: Cause, at: datetime) -> CauseEstimate:
    """Estimate one effect from what was known at ``at``, and keep it."""
    sample = read_trials(cause, at)
    found, _ = CauseEstimate.objects.update_or_create(
        cause=cause,
        day=at.astimezone(UTC).date(),
        defaults={"computed_at": at, **_EMPTY, **judge(sample)},
    )
    return found


def judge(sample: TrialSample) -> dict[str, Any]:
    """Return the columns of an ``CauseEstimate`` that a sample gives."""
    treated, paid = sample.treated, sample.outcome
    counts: dict[str, Any] = {
        "people": len(set(sample.person.tolist())),
        "treated": int(treated.sum()),
        "untreated": int((~treated).sum()),
        "paid_treated": int((treated & paid).sum()),
        "paid_untreated": int((~treated & paid).sum()),
    }
    verdict = verdict_before(sample)
    if verdict != EffectVerdict.READABLE:
        return {**counts, "verdict": verdict}
    effect = effect_on_treated(sample)
    return {
        **counts,
        "verdict": verdict_after(effect),
        **_numbers(effect),
        **_control(sample),
    }


def _numbers(effect: CausalEffect) -> dict[str, Any]:
    overlap = effect.overlap
    limits = (effect.low, effect.high)
    return {
        "effect": effect.value,
        "low": effect.low,
        "high": effect.high,
        "without": effect.without,
        "naive": effect.naive,
        "trimmed": overlap.trimmed,
        "effective": overlap.effective,
        "e_value": e_value_of_effect(effect.without, effect.value),
        "e_value_limit": e_value_of_interval(effect.without, effect.value, *limits),
        "balance": [[each.name, each.before, each.after] for each in effect.balance],
        "bars": [overlap.treated_bars, overlap.untreated_bars],
    }


def _control(sample: TrialSample) -> dict[str, Any]:
    """Estimate the same for what was there before, which nothing later has caused."""
    asked = sample.with_outcome(CONTROL)
    if verdict_before(asked) != EffectVerdict.READABLE:
        return {}
    effect = effect_on_treated(asked)
    return {
        "control_effect": effect.value,
        "control_low": effect.low,
        "control_high": effect.high,
    }


# What a computation of the same day may have left, and this one does not say.
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("effect", "low", "high", "without", "naive", "trimmed", "effective"),
            *("control_effect", "control_low", "control_high"),
            *("e_value", "e_value_limit"),
        )
    ),
    "balance": [],
    "bars": [],
}
