from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

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


class ProfitForm(forms.Form):
    """The five numbers of the profit model. Empty fields keep the example's."""

    developers = forms.IntegerField(
        label=_("Developers (N)"), min_value=0, max_value=1_000_000, initial=1000
    )
    share = forms.DecimalField(
        label=_("Conversion (α, in %)"),
        min_value=0,
        max_value=100,
        decimal_places=4,
        initial=Decimal(10),
    )
    price = forms.DecimalField(
        label=_("Price (p)"),
        min_value=0,
        max_value=100_000,
        decimal_places=4,
        initial=Decimal(100),
    )
    cost = forms.DecimalField(
        label=_("Cost (c)"),
        min_value=0,
        max_value=100_000,
        decimal_places=4,
        initial=Decimal(70),
    )
    fixed_cost = forms.DecimalField(
        label=_("Fixed cost"),
        min_value=0,
        max_value=1_000_000_000,
        decimal_places=4,
        initial=Decimal(0),
        required=False,
    )

    def values(self) -> ProfitValues:
        """Return the valid numbers, the example's where one is missing or wrong."""
        cleaned = self.cleaned_data if self.is_bound and not self.is_valid() else {}
        if self.is_bound and self.is_valid():
            cleaned = self.cleaned_data

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
