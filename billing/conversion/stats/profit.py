"""π = α·(p − c)·N with exact arithmetic, and where it covers a fixed cost."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from billing.conversion.reasons import Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitModel:
    """π = α·(p − c)·N with exact arithmetic.

    ``developers`` is N, ``share`` is α between 0 and 1, ``price`` is p and
    ``cost`` is c, both per converted developer in the same unit of money.
    """

    developers: int
    share: Fraction
    price: Fraction
    cost: Fraction

    @property
    def margin(self) -> Fraction:
        return self.price - self.cost

    @property
    def profit(self) -> Fraction:
        """π, in the unit of ``price``."""
        return self.share * self.margin * self.developers

    @property
    def profit_without_share(self) -> Fraction:
        """(p − c)·N: what comes out when α is forgotten; also ∂π/∂α."""
        return self.margin * self.developers

    def sensitivities(self) -> dict[str, Fraction]:
        """Return ∂π/∂x for each of the four."""
        return {
            "share": self.profit_without_share,
            "price": self.share * self.developers,
            "cost": -self.share * self.developers,
            "developers": self.share * self.margin,
        }

    def break_even(self, fixed_cost: Fraction) -> "BreakEven":
        """Return what each number would have to be for π to cover ``fixed_cost``.

        Each with the others held; where none would do, the reason why.
        """
        customers = self.share * self.developers
        per_developer = self.share * self.margin
        return BreakEven(
            share=self._break_even_share(fixed_cost),
            price=self.cost + fixed_cost / customers
            if customers
            else self._nobody_converts(),
            cost=self._break_even_cost(fixed_cost, customers),
            developers=ceil(fixed_cost / per_developer)
            if per_developer > 0
            else self._earns_nothing(),
        )

    def _break_even_share(self, fixed_cost: Fraction) -> "Fraction | Missing":
        if self.margin <= 0:
            return Missing.NO_MARGIN
        if not self.developers:
            return Missing.NOBODY
        needed = fixed_cost / self.profit_without_share
        return needed if needed <= 1 else Missing.NOT_EVEN_ALL

    def _break_even_cost(
        self, fixed_cost: Fraction, customers: Fraction
    ) -> "Fraction | Missing":
        if not customers:
            return self._nobody_converts()
        most = self.price - fixed_cost / customers
        return most if most >= 0 else Missing.NOT_EVEN_FREE

    def _nobody_converts(self) -> "Missing":
        return Missing.NOBODY if not self.developers else Missing.NOBODY_PAID

    def _earns_nothing(self) -> "Missing":
        return Missing.NO_MARGIN if self.margin <= 0 else Missing.NOBODY_PAID


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """The value of one number, the others held; the reason where none would do.

    ``share`` is between 0 and 1; ``cost`` is the most that c may be.
    """

    share: "Fraction | Missing"
    price: "Fraction | Missing"
    cost: "Fraction | Missing"
    developers: "int | Missing"
