from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from billing.plans.models import MOST_PERCENT, PlanVersion, Price
from billing.pricelab.models import PlanCandidate
from billing.pricelab.replaying import FULL_RATE
from core.money import NANO, minor_per_unit

# As the catalogue's: far beyond any plan, and far below what the columns hold.
MOST_SEATS, MOST_MONEY = 100_000, 1_000_000
# A screen of models; others count at their list price.
MOST_MODELS = 20


def replayable_versions() -> Any:
    """Return the versions whose prices can be added up with the figures."""
    prices = Price.objects.filter(currency=settings.REPORTING_CURRENCY)
    versions = PlanVersion.objects.filter(pk__in=prices.values("plan_version"))
    return versions.select_related("plan").order_by("plan__tier_rank", "-version")


def _money(label: Any, **kwargs: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal(0),
        max_value=MOST_MONEY,
        decimal_places=2,
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
        **kwargs,
    )


class CandidateForm(forms.Form):
    """The terms of a candidate; each model used last month has a rate of its own."""

    version = forms.ModelChoiceField(
        queryset=PlanVersion.objects.none(), widget=forms.HiddenInput
    )
    name = forms.CharField(label=_("Name of the candidate"), max_length=80)
    month = _money(
        _("Price of a month"),
        required=False,
        help_text=_("Per seat, where there may be more than one. Empty: not sold."),
    )
    year = _money(_("Price of a year"), required=False, help_text=_("As above."))
    seat_min = forms.IntegerField(
        label=_("Fewest seats"), min_value=1, max_value=MOST_SEATS
    )
    seat_max = forms.IntegerField(
        label=_("Most seats"), min_value=1, max_value=MOST_SEATS
    )
    allowance = _money(
        _("Usage included per month, in US dollars"),
        help_text=_("Per seat, as the price."),
    )
    overage_percent = forms.IntegerField(
        label=_("Price of usage beyond it, in per cent of the model's"),
        min_value=0,
        max_value=MOST_PERCENT,
        help_text=_("0: usage beyond it is refused."),
    )
    cap = _money(
        _("Cap of customers who have set none, in US dollars"),
        help_text=_("0: of them nothing is charged beyond the plan, as today."),
    )

    def __init__(self, *args: Any, models: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions: Any = self.fields["version"]
        versions.queryset = replayable_versions()
        self.models = models
        for name in models:
            self.fields[_rate(name)] = forms.IntegerField(
                label=_("%(model)s counts at, in per cent of its list price")
                % {"model": name},
                min_value=0,
                max_value=MOST_PERCENT,
                initial=FULL_RATE,
                required=False,
            )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        least, most = values.get("seat_min"), values.get("seat_max")
        if least and most and most < least:
            self.add_error("seat_max", _("Not fewer than the fewest."))
        if not self.errors and values["month"] is None and values["year"] is None:
            self.add_error("month", _("What is sold has a price, by month or year."))
        unit = minor_per_unit(settings.REPORTING_CURRENCY)
        for name in ("month", "year"):
            amount = values.get(name)
            if amount is not None and amount * unit != int(amount * unit):
                self.add_error(name, _("This currency has no smaller unit."))
        return values

    def terms(self) -> dict[str, Any]:
        """Return the valid form as the columns of a candidate."""
        values = self.cleaned_data
        version: PlanVersion = values["version"]
        return {
            "name": values["name"],
            "plan": version.plan,
            "began_with": version.version,
            "currency": settings.REPORTING_CURRENCY,
            "month_amount": _minor(values["month"]),
            "year_amount": _minor(values["year"]),
            "seat_min": values["seat_min"],
            "seat_max": values["seat_max"],
            "allowance_nano": int(values["allowance"] * NANO),
            "overage_percent": values["overage_percent"],
            "cap_nano": int(values["cap"] * NANO),
            "rates": {
                name: values[_rate(name)]
                for name in self.models
                if values[_rate(name)] not in {None, FULL_RATE}
            },
        }


def shown_version(version: PlanVersion) -> dict[str, Any]:
    """Return the terms of a version as the form shows them."""
    prices = version.prices.filter(currency=settings.REPORTING_CURRENCY)
    amounts = {price.interval: price.unit_amount for price in prices}
    return {
        "version": version.pk,
        "month": _units(amounts.get("month")),
        "year": _units(amounts.get("year")),
        "seat_min": version.seat_min,
        "seat_max": version.seat_max,
        "allowance": _dollars(version.features["monthly_allowance_nano"]),
        "overage_percent": version.overage_percent,
        "cap": _dollars(0),
    }


def shown_candidate(
    candidate: PlanCandidate, *, version: PlanVersion, models: Sequence[str]
) -> dict[str, Any]:
    """Return a candidate as the form shows it; its name is left to be another."""
    return {
        "version": version.pk,
        "month": _units(candidate.month_amount),
        "year": _units(candidate.year_amount),
        "seat_min": candidate.seat_min,
        "seat_max": candidate.seat_max,
        "allowance": _dollars(candidate.allowance_nano),
        "overage_percent": candidate.overage_percent,
        "cap": _dollars(candidate.cap_nano),
        **{_rate(name): candidate.rates.get(name, FULL_RATE) for name in models},
    }


def _rate(model: str) -> str:
    return f"rate:{model}"


def _minor(amount: Decimal | None) -> int | None:
    unit = minor_per_unit(settings.REPORTING_CURRENCY)
    return None if amount is None else int(amount * unit)


def _units(amount: int | None) -> Decimal | None:
    unit = minor_per_unit(settings.REPORTING_CURRENCY)
    if amount is None:
        return None
    return (Decimal(amount) / unit).quantize(Decimal(1) / unit)


def _dollars(nano: int) -> Decimal:
    return (Decimal(nano) / NANO).quantize(Decimal("0.01"))
