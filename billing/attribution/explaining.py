"""What each model says, in a sentence and as a formula."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.attribution.maths.weighing import AttributionModel

Model = AttributionModel


@dataclass(frozen=True, slots=True)
class Explanation:
    """``weight`` is w of touch i of n; t is how many days before the payment it was."""

    meaning: Promise
    weight: str


EXPLANATIONS: dict[AttributionModel, Explanation] = {
    Model.FIRST: Explanation(
        _("All of it goes to the first thing that was met."), "w₁ = 1"
    ),
    Model.LAST: Explanation(
        _("All of it goes to the last thing before the payment."), "wₙ = 1"
    ),
    Model.LINEAR: Explanation(_("Every touch gets the same."), "wᵢ = 1 / n"),
    Model.POSITION: Explanation(
        _("40 % to the first, 40 % to the last, 20 % to all between; two share it."),
        "w₁ = wₙ = 0.4,  wᵢ = 0.2 / (n − 2)",
    ),
    Model.DECAY: Explanation(
        _("A touch weighs half as much for every week it lies before the payment."),
        "wᵢ ∝ 2^(−tᵢ / 7)",
    ),
    Model.DATA: Explanation(
        _(
            "A touch weighs as much as purchases would be lost without what was met:"
            " the removal effect in a Markov chain of all ways, paid and not."
        ),
        "wᵢ ∝ 1 − P(paid without i) / P(paid)",
    ),
}
