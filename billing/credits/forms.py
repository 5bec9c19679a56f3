import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation
from billing.credits.models import CreditGrant
from billing.credits.services import MOST_NANO, MOST_OF_A_REASON
from core.money import NANO


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

    organisation = forms.SlugField(
        label=_("Organisation"),
        max_length=60,
        help_text=_("Its name in addresses, such as acme in /console/acme/."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=CreditGrant.Kind.choices)
    amount = _dollars(label=_("Amount in US dollars"))
    expires_on = forms.DateField(
        label=_("Expires on"),
        required=False,
        help_text=_("The last day it can be used. Empty: it does not expire."),
        widget=forms.DateInput(
            format="%Y-%m-%d", attrs={"class": "input", "type": "date"}
        ),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MOST_OF_A_REASON,
        help_text=_("The customer reads it."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )

    def clean_organisation(self) -> Organisation:
        slug = self.cleaned_data["organisation"]
        found = Organisation.objects.filter(slug=slug).first()
        if found is None:
            raise forms.ValidationError(_("There is no such organisation."))
        return found

    def clean_expires_on(self) -> date | None:
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError(_("Choose today or a later day."))
        return day

    def values(self) -> dict[str, Any]:
        """Return the form as ``services.grant_credit`` takes it."""
        day: date | None = self.cleaned_data["expires_on"]
        return {
            "organisation_id": self.cleaned_data["organisation"].pk,
            "kind": self.cleaned_data["kind"],
            "amount_nano": int(self.cleaned_data["amount"] * NANO),
            "reason": self.cleaned_data["reason"],
            "expires_at": day
            and datetime.combine(day, time.max, timezone.get_current_timezone()),
            "key": self.key,
        }


class WithdrawForm(OnceForm):
    """Credit that staff take back."""

    amount = _dollars(
        label=_("Amount in US dollars"),
        required=False,
        help_text=_("Empty: all that is left."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MOST_OF_A_REASON,
        help_text=_("The customer reads it."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )

    def values(self) -> dict[str, Any]:
        """Return the form as ``services.withdraw_credit`` takes it."""
        amount: Decimal | None = self.cleaned_data["amount"]
        return {
            "amount_nano": None if amount is None else int(amount * NANO),
            "reason": self.cleaned_data["reason"],
            "key": self.key,
        }
