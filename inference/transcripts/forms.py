from django import forms
from django.utils.translation import gettext_lazy as _

from inference.transcripts.models import MOST_DAYS


class TranscriptForm(forms.Form):
    """How long transcripts are kept."""

    days = forms.IntegerField(
        label=_("Days each call is kept"),
        min_value=1,
        max_value=MOST_DAYS,
        help_text=_("From 1 to 30, counted from the end of the call."),
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )
