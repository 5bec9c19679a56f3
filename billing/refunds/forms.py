import uuid
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from core.money import minor_per_unit


class RefundForm(forms.Form):
    """How much of an invoice goes back, and why; sent twice, it is one order."""

    once = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.DecimalField(
        label=_("Amount"),
        min_value=Decimal("0.01"),
        # A hundred million: more than any invoice, less than the column holds.
        max_value=10**8,
        decimal_places=2,
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("For the audit log, and for a colleague where it is much."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        kwargs["initial"] = {"once": uuid.uuid4(), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.per_unit = minor_per_unit(currency)

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if amount * self.per_unit != int(amount * self.per_unit):
            raise forms.ValidationError(_("This currency has no such small parts."))
        return amount

    @property
    def minor(self) -> int:
        """The valid amount in minor units."""
        return int(self.cleaned_data["amount"] * self.per_unit)

    @property
    def key(self) -> UUID:
        found: UUID = self.cleaned_data["once"]
        return found
