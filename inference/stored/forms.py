from django import forms
from django.utils.translation import gettext_lazy as _

from inference.retention.forms import days_field


class StorageForm(forms.Form):
    """How long responses are kept."""

    days = days_field(
        _("Days each response is kept"),
        _("From 1 to 30, counted from the moment it was asked for."),
    )
