from django import forms
from django.utils.translation import gettext_lazy as _

from inference.retention.forms import days_field


class TranscriptForm(forms.Form):
    """How long transcripts are kept."""

    days = days_field(
        _("Days each call is kept"),
        _("From 1 to 30, counted from the end of the call."),
    )
