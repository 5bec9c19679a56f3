"""Numbers prepared for the page: changes against before, sensitivities."""

from dataclasses import dataclass
from fractions import Fraction

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.conversion.figures import Cohort
from billing.conversion.stats import ProfitModel

# Fewer than this and a change says nothing.
ENOUGH = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """A cohort beside the one of the range before."""

    now: Cohort
    then: Cohort

    @property
    def is_enough(self) -> bool:
        return min(self.now.developers, self.then.developers) >= ENOUGH

    @property
    def developers(self) -> float | None:
        return self._change(self.now.developers, self.then.developers)

    @property
    def revenue(self) -> float | None:
        return self._change(self.now.revenue, self.then.revenue)

    @property
    def paid(self) -> float | None:
        return self._change(self.now.converters, self.then.converters)

    @property
    def profit(self) -> float | None:
        return self._change(self.now.profit_nano, self.then.profit_nano)

    @property
    def price(self) -> float | None:
        return self._change(self.now.price_nano, self.then.price_nano)

    @property
    def cost(self) -> float | None:
        return self._change(self.now.full_cost_nano, self.then.full_cost_nano)

    @property
    def share(self) -> float | None:
        """The difference in percentage points."""
        if not self.is_enough or self.now.share is None or self.then.share is None:
            return None
        return (self.now.share - self.then.share) * 100

    def _change(self, now: int | None, then: int | None) -> float | None:
        if not self.is_enough or not then or now is None or then < 0:
            return None
        return (now - then) / then * 100


@dataclass(frozen=True, slots=True)
class ProfitRow:
    """What a small step of one number does to π."""

    label: Promise
    step: Promise
    effect: Fraction


def profit_rows(model: ProfitModel) -> list[ProfitRow]:
    """Return the effect of one small, comparable step of each number."""
    slopes = model.sensitivities()
    return [
        ProfitRow(_("Conversion (α)"), _("+1 percentage point"), slopes["share"] / 100),
        ProfitRow(_("Price (p)"), _("+1 %"), slopes["price"] * model.price / 100),
        ProfitRow(_("Cost (c)"), _("+1 %"), slopes["cost"] * model.cost / 100),
        ProfitRow(
            _("Developers (N)"),
            _("+1 %"),
            slopes["developers"] * model.developers / 100,
        ),
    ]
