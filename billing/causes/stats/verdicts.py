"""Whether an estimate may be read, and why not."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.causes.stats.effects import CausalEffect
from billing.causes.stats.samples import TrialSample


class EffectVerdict(models.TextChoices):
    """A reason code; pages show its label in the number's place."""

    READABLE = "readable", _("can be read")
    FEW_TREATED = "few_treated", _("too few: it happened to fewer than 30 people")
    FEW_UNTREATED = (
        "few_untreated",
        _("too few: fewer than 30 people are there to compare with"),
    )
    FEW_PAYERS = "few_payers", _("too few: fewer than 10 of them paid afterwards")
    NO_OVERLAP = (
        "no_overlap",
        _("not comparable: nobody is like those it happened to"),
    )


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
