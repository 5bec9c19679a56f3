"""What staff say about a referral that was held back."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from edge.fields import TextField


class DecisionForm(forms.Form):
    """Whether both get their credit, and why; the person who invited is told."""

    verdict = forms.ChoiceField(
        label=pgettext_lazy("verdict", "Decision"),
        choices=[("reward", _("Give both their credit")), ("refuse", _("Give none"))],
        widget=forms.RadioSelect,
    )
    note = TextField(
        label=_("Why"),
        help_text=_("For colleagues who look at it later."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    @property
    def is_rewarded(self) -> bool:
        return bool(self.cleaned_data["verdict"] == "reward")
