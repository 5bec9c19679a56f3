"""Numbers prepared for the page: changes against before, sensitivities."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from urllib.parse import urlencode

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.conversion.currency import dollar_rate
from billing.conversion.figures import Cohort
from billing.conversion.models import Scenario
from billing.conversion.reasons import Missing
from billing.conversion.stats.profit import BreakEven, ProfitModel
from core.money import NANO

# Fewer people and a change says nothing: one of four is a quarter.
ENOUGH_PEOPLE = 5
# Fewer and Wilson's interval is wider than any change: 0 of 20 may be 16 %.
ENOUGH_FOR_A_SHARE = 20
Change = float | Missing


@dataclass(frozen=True, slots=True)
class Comparison:
    """A cohort beside the one of the range before, at the same age.

    ``then`` is the earlier range as it stood when it was as old as this one: people,
    payments and costs, or younger ranges would always look worse. ``matured_then`` is
    the earlier range whose window is over: how many, and who of them paid within it.
    """

    now: Cohort
    then: Cohort
    matured_then: tuple[int, int]

    @property
    def developers(self) -> Change:
        return _change(self.now.developers, self.then.developers, self._people)

    @property
    def paid(self) -> Change:
        now, then = self.now.converters, self.then.converters
        return _change(now, then, self._converters)

    @property
    def revenue(self) -> Change:
        return _change(self.now.revenue, self.then.revenue, self._converters)

    @property
    def profit(self) -> Change:
        return _change(self.now.profit_nano, self.then.profit_nano, self._people)

    @property
    def price(self) -> Change:
        return _change(self.now.price_nano, self.then.price_nano, self._converters)

    @property
    def cost(self) -> Change:
        now, then = self.now.full_cost_nano, self.then.full_cost_nano
        return _change(now, then, self._converters)

    @property
    def share(self) -> Change:
        """The difference in percentage points."""
        return _points(self.now.share, self.then.share, self._people)

    @property
    def matured_share(self) -> Change:
        """The difference in percentage points, of those whose window is over."""
        count, converters = self.matured_then
        then = converters / count if count else None
        return _points(self.now.matured_share, then, min(self.now.matured, count))

    @property
    def _people(self) -> int:
        return min(self.now.developers, self.then.developers)

    @property
    def _converters(self) -> int:
        return min(self.now.converters, self.then.converters)


def _change(now: int | None, then: int | None, base: int) -> Change:
    if now is None or then is None or then <= 0:
        return Missing.NOT_BEFORE if base >= ENOUGH_PEOPLE else Missing.TOO_FEW
    return (now - then) / then * 100 if base >= ENOUGH_PEOPLE else Missing.TOO_FEW


def _points(now: float | None, then: float | None, base: int) -> Change:
    if base < ENOUGH_FOR_A_SHARE or now is None or then is None:
        return Missing.TOO_FEW
    return (now - then) * 100


def why_missing(cohort: Cohort, name: str) -> Missing | None:
    """Return why a number of a cohort, by its name on the page, is not there."""
    if name == "matured":
        return None if cohort.matured else Missing.NOBODY
    if name in {"cost", "profit"} and dollar_rate() is None:
        return Missing.NO_RATE
    if name != "profit" and not cohort.developers:
        return Missing.NOBODY
    if name in {"price", "cost"} and not cohort.converters:
        return Missing.NOBODY_PAID
    return None


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


def measured_of(cohort: Cohort) -> dict[str, str]:
    """Return the profit model's four numbers as they were measured.

    c is that of the formula: what converters' own usage cost.
    """
    return {
        "developers": str(cohort.developers),
        "share": f"{(cohort.share or 0) * 100:.4f}",
        "price": f"{(cohort.price_nano or 0) / NANO:.4f}",
        "cost": f"{(cohort.paid_cost_nano or 0) / NANO:.4f}",
    }


@dataclass(frozen=True, slots=True)
class BreakEvenRow:
    """What one number has to be, or why no value of it would do."""

    symbol: str
    name: str
    text: str


def break_even_rows(found: BreakEven) -> list[BreakEvenRow]:
    """Return α*, p*, c* and N* as they are written."""
    share = found.share if isinstance(found.share, Missing) else found.share * 100
    percent = _written(share, 2) + ("" if isinstance(share, Missing) else " %")
    return [
        BreakEvenRow("α*", "share", percent),
        BreakEvenRow("p*", "price", _written(found.price, 2)),
        BreakEvenRow("c*", "cost", _written(found.cost, 2)),
        BreakEvenRow("N*", "developers", _written(found.developers, 0)),
    ]


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """A saved scenario with what comes of it; ``query`` opens it in the model."""

    scenario: Scenario
    profit: Fraction
    break_even: list[BreakEvenRow]
    query: str


def scenario_row(scenario: Scenario) -> ScenarioRow:
    """Return a scenario with its profit and its break-even."""
    model = ProfitModel(
        developers=scenario.developers,
        share=Fraction(scenario.share) / 100,
        price=Fraction(scenario.price),
        cost=Fraction(scenario.cost),
    )
    fixed_cost = Fraction(scenario.fixed_cost)
    names = ("developers", "share", "price", "cost", "fixed_cost")
    return ScenarioRow(
        scenario,
        model.profit - fixed_cost,
        break_even_rows(model.break_even(fixed_cost)),
        urlencode({name: getattr(scenario, name) for name in names}),
    )


def measured_scenario(cohort: Cohort) -> Scenario:
    """Return what was measured as a scenario that is not kept, without a fixed cost."""
    found = measured_of(cohort)
    return Scenario(
        name=gettext("As measured in the last 90 days"),
        developers=cohort.developers,
        share=Decimal(found["share"]),
        price=Decimal(found["price"]),
        cost=Decimal(found["cost"]),
        fixed_cost=Decimal(0),
    )


def _written(value: Fraction | int | Missing, places: int) -> str:
    if isinstance(value, Missing):
        return str(value.label)
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return number_format(exact, places, force_grouping=True)
