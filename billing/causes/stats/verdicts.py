"""Whether an estimate may be read, and why not."""

from billing.causes.causes import EffectVerdict
from billing.causes.stats.effects import CausalEffect
from billing.causes.stats.samples import TrialSample

# Below it the normal distribution says little about a mean, and a model nothing.
FEWEST_PEOPLE = 30
# A logistic regression wants about ten events for a fact it really uses; with fewer
# the interval of a share is too narrow as well.
FEWEST_PAYERS = 10
# With a tenth left out, the answer is about other people than the question.
MOST_TRIMMED = 0.1
# The untreated stand for the treated; worth fewer than this, a handful decides.
LEAST_EFFECTIVE = 30.0


def verdict_before(sample: TrialSample) -> EffectVerdict:
    """Say whether there is enough to estimate from."""
    treated, untreated = sample.only(sample.treated), sample.only(~sample.treated)
    if len(set(treated.person.tolist())) < FEWEST_PEOPLE:
        return EffectVerdict.FEW_TREATED
    if len(set(untreated.person.tolist())) < FEWEST_PEOPLE:
        return EffectVerdict.FEW_UNTREATED
    if int(sample.outcome.sum()) < FEWEST_PAYERS:
        return EffectVerdict.FEW_PAYERS
    return EffectVerdict.READABLE


def verdict_after(effect: CausalEffect) -> EffectVerdict:
    """Say whether an estimate compares like with like."""
    overlap = effect.overlap
    if overlap.trimmed > MOST_TRIMMED or overlap.effective < LEAST_EFFECTIVE:
        return EffectVerdict.NO_OVERLAP
    return EffectVerdict.READABLE
