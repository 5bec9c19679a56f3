from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ApprovalForm(forms.Form):
    """Yes or no, and why."""

    decision = forms.ChoiceField(
        label=pgettext_lazy("verdict", "Decision"),
        choices=[("approve", _("Approve")), ("reject", _("Reject"))],
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Who asked reads it, and so does whoever reads the audit log."),
        widget=forms.TextInput(attrs={"class": "input"}),
    )
