from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing.plans.models import Inquiry
from edge.fields import TextField


class InquiryForm(forms.Form):
    """A question to sales."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("Your e-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    company = forms.CharField(
        label=_("Company"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    seats = forms.IntegerField(
        label=_("Seats"), min_value=1, max_value=1_000_000, required=False
    )
    message = TextField(
        label=_("What do you need?"),
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def inquiry(self, *, plan: str, user: User | None) -> Inquiry:
        """Return the valid inquiry, which is not written down yet."""
        return Inquiry(plan=plan, user=user, **self.cleaned_data)
