from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.money import NANO
from inference.catalog.models import Model

# Far beyond any plan, and far below what a bigint of billionths holds.
MOST_DOLLARS = 1_000_000


class KeyForm(forms.Form):
    """What a new key is called and what it may do."""

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Where the key is used, such as “website” or “night batch”."),
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    expires_on = forms.DateField(
        label=_("Expires on"),
        required=False,
        help_text=_("The last day it works. Empty: it works until revoked."),
        widget=forms.DateInput(
            format="%Y-%m-%d", attrs={"class": "input", "type": "date"}
        ),
    )
    monthly_limit = forms.DecimalField(
        label=_("Monthly limit in US dollars"),
        required=False,
        min_value=Decimal("0.01"),
        max_value=MOST_DOLLARS,
        decimal_places=2,
        help_text=_("Empty: only the organisation's own allowance limits it."),
        widget=forms.NumberInput(
            attrs={"class": "input", "inputmode": "decimal", "step": "0.01"}
        ),
    )
    allowed_models = forms.MultipleChoiceField(
        label=_("Models it may call"),
        required=False,
        help_text=_("None chosen: every model the plan includes."),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, models: list[Model], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["allowed_models"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = [(model.slug, model.title) for model in models]

    def clean_expires_on(self) -> date | None:
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError(_("Choose today or a later day."))
        return day

    def values(self) -> dict[str, Any]:
        """Return the form as ``keys.services.create_key`` takes it."""
        day: date | None = self.cleaned_data["expires_on"]
        limit: Decimal | None = self.cleaned_data["monthly_limit"]
        return {
            "name": self.cleaned_data["name"],
            "allowed_models": self.cleaned_data["allowed_models"],
            "monthly_limit_nano": None if limit is None else int(limit * NANO),
            "expires_at": day
            and datetime.combine(day, time.max, timezone.get_current_timezone()),
        }
