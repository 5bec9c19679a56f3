"""Numbers prepared for the page: changes against before, sensitivities."""

from dataclasses import dataclass
from fractions import Fraction

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.conversion.figures import Cohort
from billing.conversion.stats import ProfitModel

# Fewer people and a change says nothing: one of four is a quarter.
ENOUGH_PEOPLE = 5
# Fewer and Wilson's interval is wider than any change: 0 of 20 may be 16 %.
ENOUGH_FOR_A_SHARE = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """A cohort beside the one of the range before.

    Who has paid is compared at the same age: the earlier range as it stood when it
    was as old as this one, or younger ranges would always look worse.
    """

    now: Cohort
    then: Cohort

    @property
    def developers(self) -> float | None:
        return _change(self.now.developers, self.then.developers, self._people)

    @property
    def paid(self) -> float | None:
        now, then = self.now.early_converters, self.then.early_converters
        return _change(now, then, min(now, then))

    @property
    def revenue(self) -> float | None:
        return _change(self.now.revenue, self.then.revenue, self._converters)

    @property
    def profit(self) -> float | None:
        return _change(self.now.profit_nano, self.then.profit_nano, self._people)

    @property
    def price(self) -> float | None:
        return _change(self.now.price_nano, self.then.price_nano, self._converters)

    @property
    def cost(self) -> float | None:
        now, then = self.now.full_cost_nano, self.then.full_cost_nano
        return _change(now, then, self._converters)

    @property
    def share(self) -> float | None:
        """The difference in percentage points, at the same age."""
        return _points(self.now.early_share, self.then.early_share, self._people)

    @property
    def matured_share(self) -> float | None:
        """The difference in percentage points, of those whose window is over."""
        base = min(self.now.matured, self.then.matured)
        return _points(self.now.matured_share, self.then.matured_share, base)

    @property
    def _people(self) -> int:
        return min(self.now.developers, self.then.developers)

    @property
    def _converters(self) -> int:
        return min(self.now.converters, self.then.converters)


def _change(now: int | None, then: int | None, base: int) -> float | None:
    if base < ENOUGH_PEOPLE or now is None or then is None or then <= 0:
        return None
    return (now - then) / then * 100


def _points(now: float | None, then: float | None, base: int) -> float | None:
    if base < ENOUGH_FOR_A_SHARE or now is None or then is None:
        return None
    return (now - then) * 100


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
