"""What staff write about offers and policies."""

from copy import copy
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.growth.models import Experiment, Lead, Offer, Policy
from billing.growth.moments import CHOOSING
from billing.growth.stats.planner import units_per_arm
from billing.growth.surfaces import Surface
from billing.plans.models import Plan
from core.money import NANO, minor_per_unit
from edge.fields import FreeUnder, TextField

# As many offers as a moment may have to choose from: a bandit's floor is for five.
CHOICES = 5


def dollars(label: Any, *, help_text: Any = "") -> forms.DecimalField:
    """Return an optional field for US dollars and cents."""
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=False,
        min_value=Decimal(0),
        # What a bigint of billionths holds.
        max_digits=11,
        decimal_places=2,
    )


class VersionedForm(forms.Form):
    """A form that says which version it was filled in from, so that none is lost."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def read_version(self, version: int) -> None:
        """Have the page say that a later version was seen; what was typed stays."""
        data: Any = copy(self.data)
        data["version"] = version
        self.data = data


class OfferForm(VersionedForm, forms.ModelForm[Offer]):
    """An offer in both languages; amounts are in US dollars."""

    surfaces = forms.MultipleChoiceField(
        label=_("Surfaces"),
        choices=Surface.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A mail goes only to people who asked for offers by mail."),
    )
    credit = dollars(_("Credit in US dollars"))
    cost = dollars(
        _("Most that one acceptance can cost, in US dollars"),
        help_text=_(
            "The usage of a trial, or the credit. It is reserved when offered."
        ),
    )
    budget = dollars(
        _("Budget of all of them, in US dollars"),
        help_text=_("When it is used up, the offer is not made any more."),
    )

    class Meta:
        model = Offer
        fields = (
            *("key", "kind", "title_en", "title_zh", "body_en", "body_zh"),
            *("action_en", "action_zh", "surfaces", "target", "plan", "days"),
            *("holdout_percent", "valid_days"),
        )
        field_classes = {"body_en": TextField, "body_zh": TextField}
        widgets = {
            "body_en": forms.Textarea(attrs={"rows": 3}),
            "body_zh": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer = self.instance
        self.fields["version"].initial = offer.version
        # Facts of the past speak of it by this name, so it stays.
        self.fields["key"].disabled = offer.pk is not None
        self.fields["days"].required = False
        for name in ("credit", "cost", "budget"):
            nano = getattr(offer, f"{name}_nano")
            if nano:
                self.fields[name].initial = Decimal(nano) / NANO

    def clean_days(self) -> int:
        return self.cleaned_data["days"] or 0

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("kind")
        if kind in {Offer.Kind.PREMIUM_TRIAL, Offer.Kind.TEAM_TRIAL}:
            plan = cleaned.get("plan", "")
            if not Plan.objects.filter(key=plan).exists():
                self.add_error("plan", _("Name a plan that exists, such as pro."))
            if not cleaned.get("days"):
                self.add_error("days", _("A trial lasts at least one day."))
        target = cleaned.get("target", "")
        if target and (not target.startswith("/") or target.startswith("//")):
            self.add_error("target", _("A page of this site begins with one /."))
        if kind == Offer.Kind.DOCS and not target:
            self.add_error("target", _("Name the page the guide is at."))
        self._check_money(cleaned)
        return cleaned

    def _check_money(self, cleaned: dict[str, Any]) -> None:
        credit, cost, budget = (
            cleaned.get(name) or Decimal(0) for name in ("credit", "cost", "budget")
        )
        if cleaned.get("kind") == Offer.Kind.CREDITS and not credit:
            self.add_error("credit", _("Say how much is given."))
        if credit > cost:
            self.add_error("cost", _("A credit costs at least what it is worth."))
        if cost and not budget:
            self.add_error("budget", _("What can cost something needs a budget."))
        if budget and int(budget * NANO) < self.instance.reserved_nano:
            self.add_error(
                "budget", _("Open and accepted offers can cost more than this already.")
            )

    def amounts(self) -> dict[str, int | None]:
        """Return what was typed in dollars, in billionths."""
        typed = self.cleaned_data
        budget = typed["budget"]
        return {
            "credit_nano": int((typed["credit"] or 0) * NANO),
            "cost_nano": int((typed["cost"] or 0) * NANO),
            "budget_nano": int(budget * NANO) if budget else None,
        }


class PolicyForm(forms.Form):
    """How a moment chooses, and among which offers, the preferred one first."""

    mode = forms.ChoiceField(label=_("How it chooses"), choices=Policy.Mode.choices)
    floor = forms.FloatField(
        label=_("Least probability of each offer, in percent"),
        min_value=1,
        max_value=50,
        help_text=_("Only where it learns: every offer keeps being tried this often."),
    )
    least_margin = forms.DecimalField(
        label=_("Least margin of a unit, in US dollars"),
        required=False,
        max_digits=9,
        decimal_places=2,
        help_text=_(
            "Revenue less costs of one organisation. An offer that is almost surely"
            " below is not chosen any more."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offers = Offer.objects.exclude(state=Offer.State.RETIRED).order_by("key")
        for number in range(1, CHOICES + 1):
            self.fields[f"offer_{number}"] = forms.ModelChoiceField(
                label=_("%(number)d. offer") % {"number": number},
                queryset=offers,
                to_field_name="key",
                required=False,
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = self._chosen(cleaned)
        if len(set(chosen)) < len(chosen):
            raise ValidationError(_("Each offer can stand in one place only."))
        floor = cleaned.get("floor")
        if floor and floor * len(chosen) > 100:
            self.add_error(
                "floor", _("So many offers cannot each have that probability.")
            )
        return cleaned

    def offers(self) -> list[Offer]:
        """Return the chosen offers in their order."""
        return self._chosen(self.cleaned_data)

    def _chosen(self, cleaned: dict[str, Any]) -> list[Offer]:
        named = (cleaned.get(f"offer_{number}") for number in range(1, CHOICES + 1))
        return [offer for offer in named if offer is not None]


class ExperimentForm(forms.ModelForm[Experiment]):
    """An experiment and its variants: one is nothing unless two offers are compared."""

    share = forms.FloatField(
        label=_("Share of payers now, in percent"), min_value=0.1, max_value=99
    )
    smallest_rise = forms.FloatField(
        label=_("Smallest rise worth finding, in percentage points"),
        min_value=0.1,
        max_value=50,
        help_text=_("A smaller rise needs many more organisations to be found."),
    )
    has_control = forms.BooleanField(
        label=_("One variant is offered nothing"), required=False, initial=True
    )

    class Meta:
        model = Experiment
        fields = ("key", "moment", "hypothesis")
        field_classes = {"hypothesis": TextField}
        widgets = {"hypothesis": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].validators.append(FreeUnder("staff/offers/experiments/"))
        moment = self.fields["moment"]
        assert isinstance(moment, forms.ChoiceField)  # noqa: S101 - of the model
        moment.choices = [("", "---------"), *((each, each.label) for each in CHOOSING)]
        offers = Offer.objects.active().order_by("key")
        # A, B and C: more arms share out what few payers there are.
        for letter in "abc":
            self.fields[f"offer_{letter}"] = forms.ModelChoiceField(
                label=_("Offer of variant %(letter)s") % {"letter": letter.upper()},
                queryset=offers,
                to_field_name="key",
                required=letter == "a",
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = self._chosen(cleaned)
        if len(set(chosen)) < len(chosen):
            raise ValidationError(_("Each offer can stand in one place only."))
        if chosen and len(chosen) + bool(cleaned.get("has_control")) < 2:
            self.add_error("has_control", _("An experiment compares at least two."))
        if cleaned.get("share") and cleaned.get("smallest_rise"):
            try:
                self.planned()
            except ValueError:
                self.add_error(
                    "smallest_rise", _("Both shares have to be below 100 percent.")
                )
        return cleaned

    def planned(self) -> int:
        """Return how many units each variant needs. Raises ``ValueError``."""
        typed = self.cleaned_data
        return units_per_arm(typed["share"] / 100, typed["smallest_rise"] / 100)

    def variants(self) -> list[tuple[str, Offer | None]]:
        """Return the variants by name, the control first."""
        chosen = self._chosen(self.cleaned_data)
        named: list[tuple[str, Offer | None]] = [
            (letter, offer) for letter, offer in zip("abc", chosen, strict=False)
        ]
        return (
            [("control", None), *named] if self.cleaned_data["has_control"] else named
        )

    def _chosen(self, cleaned: dict[str, Any]) -> list[Offer]:
        named = (cleaned.get(f"offer_{letter}") for letter in "abc")
        return [offer for offer in named if offer is not None]


class LeadNoteForm(forms.Form):
    """What was said or done about a lead."""

    text = TextField(
        label=_("Note"), max_length=5_000, widget=forms.Textarea(attrs={"rows": 4})
    )
    next_step = forms.CharField(label=_("Next step"), max_length=200, required=False)
    is_answer = forms.BooleanField(
        label=_("The person was answered with this"), required=False
    )


class CloseForm(forms.Form):
    """What came of a lead; what was won is in the reporting currency."""

    outcome = forms.ChoiceField(
        label=_("What came of it"), choices=Lead.Outcome.choices
    )
    amount = forms.DecimalField(
        label=_("Won in the first year, without tax"),
        required=False,
        min_value=Decimal(0),
        # Up to a hundred million.
        max_digits=11,
        decimal_places=2,
    )

    def minor(self) -> int | None:
        """Return what was won in minor units."""
        amount = self.cleaned_data["amount"]
        if amount is None:
            return None
        return int(amount * minor_per_unit(settings.REPORTING_CURRENCY))
