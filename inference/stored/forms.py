from django import forms
from django.utils.translation import gettext_lazy as _

from inference.stored.models import MOST_DAYS


class StorageForm(forms.Form):
    """How long responses are kept."""

    days = forms.IntegerField(
        label=_("Days each response is kept"),
        min_value=1,
        max_value=MOST_DAYS,
        help_text=_("From 1 to 30, counted from the moment it was asked for."),
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )
