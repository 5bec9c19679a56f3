from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.overage.services import MOST_CAP_NANO
from core.money import NANO


class CapForm(forms.Form):
    """The most that a period's usage may be charged."""

    cap = forms.DecimalField(
        label=_("At most, in US dollars a period"),
        required=False,
        min_value=Decimal("0.01"),
        max_value=MOST_CAP_NANO // NANO,
        decimal_places=2,
        help_text=_(
            "Empty: nothing is charged, and calls beyond the plan are refused."
        ),
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
    )

    @property
    def cap_nano(self) -> int | None:
        """The valid cap in billionths of a dollar."""
        cap: Decimal | None = self.cleaned_data["cap"]
        return None if cap is None else int(cap * NANO)


class SettleForm(forms.Form):
    """Why a statement is written off, or is asked for again."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("For the audit log, and for a colleague where it is much."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )
