from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.conversion.ranges import reporting_zone
from core.money import NANO


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitValues:
    """What the sliders stand at; money in units, ``share`` between 0 and 1."""

    developers: int
    share: Fraction
    price: Fraction
    cost: Fraction
    fixed_cost: Fraction

    def initial(self) -> dict[str, Any]:
        """Return them as a form is filled; the share in percent."""
        money = (self.price, self.cost, self.fixed_cost)
        price, cost, fixed_cost = (_decimal(each) for each in money)
        return {
            "developers": self.developers,
            "share": _decimal(self.share * 100),
            "price": price,
            "cost": cost,
            "fixed_cost": fixed_cost,
        }


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


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


class ScenarioForm(ProfitForm):
    """The numbers of the model under a name; the numbers come from the model's page."""

    name = forms.CharField(label=_("Name of the scenario"), max_length=80)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The model's own form stands on the same page.
        self.auto_id = "scenario-%s"
        for name, field in self.fields.items():
            if name != "name":
                field.widget = forms.HiddenInput()

    def clean_fixed_cost(self) -> Decimal:
        """Take no fixed cost for none."""
        return self.cleaned_data["fixed_cost"] or Decimal(0)


class ExclusionForm(forms.Form):
    """Leaving out or counting again, with a reason for the audit log."""

    # An empty value counts again: a hidden field that says nothing is not set.
    excluded = forms.BooleanField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Why, for the audit log"), max_length=200)


class ForgettingForm(forms.Form):
    """Erasure cannot be undone: staff who ask for it say whom it is about."""

    username = forms.CharField(label=_("Their username, to be sure"), max_length=40)

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_username(self) -> str:
        """Refuse any name but that of the person whose page it is."""
        username: str = self.cleaned_data["username"]
        if username != self.expected:
            raise forms.ValidationError(
                gettext("This is the page of %(name)s.") % {"name": self.expected}
            )
        return username


class RateForm(forms.Form):
    """What one unit of a currency was worth on a day."""

    currency = forms.CharField(
        label=_("Currency"), min_length=3, max_length=3, help_text=_("such as eur")
    )
    on = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}))
    # Nine digits after the point are what is stored; a rate of a thousand million
    # units would leave a bigint.
    value = forms.DecimalField(
        label=_("Worth of one unit"),
        min_value=Decimal("0.000000001"),
        max_value=Decimal(1_000_000_000),
        decimal_places=9,
    )

    def clean_currency(self) -> str:
        """Refuse the reporting currency itself, and what is no code."""
        code: str = self.cleaned_data["currency"].lower()
        if not (code.isascii() and code.isalpha()):
            raise forms.ValidationError(gettext("Three letters, such as eur."))
        if code == settings.REPORTING_CURRENCY:
            raise forms.ValidationError(gettext("Figures are in this currency."))
        return code

    def clean_on(self) -> Any:
        """Refuse a day that is not over: its rate is not known."""
        on = self.cleaned_data["on"]
        if on > timezone.now().astimezone(reporting_zone()).date():
            raise forms.ValidationError(gettext("That day has not come yet."))
        return on

    @property
    def nano(self) -> int:
        """The valid value in billionths."""
        return int(self.cleaned_data["value"] * NANO)
