import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import OrganisationField
from billing.credits.models import CreditGrant
from billing.credits.services import MOST_NANO, MOST_OF_A_REASON
from core.money import NANO
from edge.fields import LastDayField


def _dollars(**kwargs: Any) -> forms.DecimalField:
    return forms.DecimalField(
        min_value=Decimal("0.01"),
        max_value=MOST_NANO // NANO,
        decimal_places=2,
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
        **kwargs,
    )


class ReasonField(forms.CharField):
    """Why staff give something or take it back, in words for whom it is about."""

    def __init__(self, **kwargs: Any) -> None:
        defaults: dict[str, Any] = {
            "label": _("Reason"),
            "max_length": MOST_OF_A_REASON,
            "help_text": _("The customer reads it."),
            "widget": forms.TextInput(attrs={"class": "input"}),
        }
        super().__init__(**defaults | kwargs)


class OnceForm(forms.Form):
    """A form that does its work once, however often it is sent."""

    once = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"once": uuid.uuid4(), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)

    @property
    def key(self) -> str:
        """What this sending is known by; one without is always a new one."""
        return f"staff:{self.cleaned_data['once'] or uuid.uuid4()}"


class GrantForm(OnceForm):
    """Credit that staff give."""

    organisation = OrganisationField()
    kind = forms.ChoiceField(label=_("Kind"), choices=CreditGrant.Kind.choices)
    amount = _dollars(label=_("Amount in US dollars"))
    expires_on = LastDayField(
        label=_("Expires on"),
        help_text=_("The last day it can be used. Empty: it does not expire."),
    )
    reason = ReasonField()

    def values(self) -> dict[str, Any]:
        """Return the form as ``services.grant_credit`` takes it."""
        return {
            "organisation_id": self.cleaned_data["organisation"].pk,
            "kind": self.cleaned_data["kind"],
            "amount_nano": int(self.cleaned_data["amount"] * NANO),
            "reason": self.cleaned_data["reason"],
            "expires_at": self.cleaned_data["expires_on"],
            "key": self.key,
        }


class WithdrawForm(OnceForm):
    """Credit that staff take back."""

    amount = _dollars(
        label=_("Amount in US dollars"),
        required=False,
        help_text=_("Empty: all that is left."),
    )
    reason = ReasonField()

    def values(self) -> dict[str, Any]:
        """Return the form as ``services.withdraw_credit`` takes it."""
        amount: Decimal | None = self.cleaned_data["amount"]
        return {
            "amount_nano": None if amount is None else int(amount * NANO),
            "reason": self.cleaned_data["reason"],
            "key": self.key,
        }
