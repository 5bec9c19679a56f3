from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitValues:
    """What the sliders stand at; money in units, ``share`` between 0 and 1."""

    developers: int
    share: Fraction
    price: Fraction
    cost: Fraction
    fixed_cost: Fraction


class _Number(forms.DecimalField):
    """A number of the formula: not negative, four digits after the point."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, decimal_places=4, **kwargs)


class ProfitForm(forms.Form):
    """The five numbers of the profit model. Empty fields keep the example's."""

    # The most that each may be is far beyond any answer, and short of an overflow.
    developers = forms.IntegerField(
        label=_("Developers (N)"), min_value=0, max_value=1_000_000, initial=1000
    )
    share = _Number(label=_("Conversion (α, in %)"), max_value=100, initial=Decimal(10))
    price = _Number(label=_("Price (p)"), max_value=100_000, initial=Decimal(100))
    cost = _Number(label=_("Cost (c)"), max_value=100_000, initial=Decimal(70))
    fixed_cost = _Number(
        label=_("Fixed cost"),
        max_value=1_000_000_000,
        initial=Decimal(0),
        required=False,
    )

    def values(self) -> ProfitValues:
        """Return the valid numbers, the example's where one is missing or wrong."""
        self.is_valid()
        # Of a form with a wrong number the right ones; of an unbound one none.
        cleaned = getattr(self, "cleaned_data", {})

        def read(name: str) -> Fraction:
            value = cleaned.get(name)
            return Fraction(self.fields[name].initial if value is None else value)

        return ProfitValues(
            developers=int(read("developers")),
            share=read("share") / 100,
            price=read("price"),
            cost=read("cost"),
            fixed_cost=read("fixed_cost"),
        )
